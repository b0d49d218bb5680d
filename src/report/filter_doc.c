/* doc/filter.md: the fields are the table's, so the page cannot disagree with the program. */
#include "report/filter.h"

static const char before[] =
    "# The filter language\n\n"
    "Written from src/report/filter.c by `make doc`. `smtpscope find EXPR FILE...` searches "
    "recordings "
    "with it:\n\n"
    "    smtpscope find 'code>=500' *.jsonl\n"
    "    smtpscope find 'verb=RCPT and dir=S and not code=2*' today.jsonl\n"
    "    smtpscope find --json 'dt>2s or deviation' long.jsonl | jq -r .text\n\n"
    "What is judged is one line that was said, or one event: a command, each line of a reply, each "
    "line of a message, a connection, TLS, a broken rule, a note. Events that only repeat in other "
    "words what lines say (state, caps, envelope, octets, ...) are judged where the filter asks "
    "for a "
    "`kind`.\n\n"
    "## Fields\n\n"
    "| field | what it is | value | example |\n|---|---|---|---|\n";

static const char after[] =
    "\nA field alone asks whether there is one: `deviation`, `code`, `tls`. What a line does not "
    "have "
    "fails every test on it: `code!=250` finds replies with another code, not everything that is "
    "no "
    "reply.\n\n"
    "## Operators\n\n"
    "| operator | meaning |\n|---|---|\n"
    "| `=` `:` | is; in patterns `*` stands for any octets and `?` for one; case is ignored |\n"
    "| `!=` | is not |\n"
    "| `~` `!~` | holds the text, does not hold it; case is ignored |\n"
    "| `<` `<=` `>` `>=` | of numbers and times: `us`, `ms`, `s`, `m`, without a unit seconds |\n"
    "| `and` `&`, or side by side | both; binds stronger than `or` |\n"
    "| `or` `\\|` | one of them |\n"
    "| `not` `!` | the contrary of the next test |\n"
    "| `( )` | first |\n\n"
    "A value ends at a blank, a bracket, `&` or `|`; in double quotes it may hold them, with "
    "`\\\"` and "
    "`\\\\` for themselves. A text in quotes alone means `text~`.\n\n"
    "## Grammar\n\n"
    "    expr  = and *( (\"or\" / \"|\" / \"||\") and )\n"
    "    and   = unary *( [\"and\" / \"&\" / \"&&\"] unary )\n"
    "    unary = (\"not\" / \"!\") unary / \"(\" expr \")\" / test\n"
    "    test  = FIELD [OP VALUE] / quoted\n"
    "    OP    = \"=\" / \":\" / \"!=\" / \"~\" / \"!~\" / \"<\" / \"<=\" / \">\" / \">=\"\n"
    "    VALUE = quoted / 1*(any octet but blank ( ) & |)\n\n"
    "What does not read is refused with its column and what would be right there.\n";

void filter_doc_markdown(struct buf *out)
{
    buf_append_cstr(out, before);
    for (int i = 0; i < FILTER__COUNT; i++) {
        const struct filter_field_info *f = filter_field_info((enum filter_field)i);
        buf_printf(out, "| `%s` | %s | %s | `%s` |\n", f->name, f->help, f->value, f->example);
    }
    buf_append_cstr(out, after);
}
