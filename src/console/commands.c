/* The commands a person can type: the one table behind execution, completion, help, doc/commands.md
 * and the man page.
 */
#include <string.h>

#include "console/console_private.h"

enum { P_SMTP = 1u << PROTOCOL_SMTP, P_POP3 = 1u << PROTOCOL_POP3, P_IMAP = 1u << PROTOCOL_IMAP };

#define COMMAND(...) COMMAND_FOR(0, __VA_ARGS__)
/* One that only some protocols have. */
#define COMMAND_FOR(protocols_, name_, group_, args_, help_, details_, needs_ui_, exec_, kind_,    \
                    words_)                                                                        \
    {                                                                                              \
        .protocols = protocols_,                                                                   \
        .info = {.name = name_,                                                                    \
                 .group = group_,                                                                  \
                 .args = args_,                                                                    \
                 .help = help_,                                                                    \
                 .details = details_,                                                              \
                 .needs_ui = needs_ui_},                                                           \
        .exec = exec_, .arg_kind = kind_, .words = words_                                          \
    }

static const struct console_command commands[] = {
    COMMAND("open", "connection", "TARGET", "connect to a server",
            "TARGET: host, host:port, [v6]:port, user@domain (by MX), unix:/path, practice, or a "
            "URL smtp:// submission:// "
            "submissions:// smtps:// lmtp:// pop3:// pop3s:// imap:// imaps://. What is open stays "
            "open: /session and Alt-1 to Alt-9 go from one to the other.",
            false, exec_open, ARG_TARGET, NULL),
    COMMAND("close", "connection", "[send]", "close in order (FIN), without QUIT",
            "/close send is /half-close.", false, exec_close, ARG_WORDS, "send"),
    COMMAND("half-close", "connection", "", "close our sending side only (FIN), and read on", NULL,
            false, exec_half_close, ARG_NONE, NULL),
    COMMAND("abort", "connection", "", "cut the connection (RST)", NULL, false, exec_abort,
            ARG_NONE, NULL),
    COMMAND("reopen", "connection", "", "connect to the same target again", NULL, false,
            exec_reopen, ARG_NONE, NULL),
    COMMAND("session", "connection", "[N|next|close]",
            "list the connections of this window, or go to one",
            "Lines go to one connection at a time; the others go on. close ends the one lines go "
            "to.",
            false, exec_session, ARG_WORDS, "next|close"),
    COMMAND("tls", "connection", "", "STARTTLS, handshake, EHLO again", NULL, false, exec_tls,
            ARG_NONE, NULL),
    COMMAND("starttls-check", "connection", "[TARGET] [--i-own-this]",
            "does a server throw away what came in the clear when TLS begins?",
            "Two short sessions: a command in the same write as STARTTLS, STARTTLS before EHLO and "
            "twice. Without TARGET the practice server; other machines' servers only with "
            "--i-own-this.",
            false, exec_starttls_check, ARG_TARGET, NULL),
    COMMAND("auth", "connection", "[MECH] [USER]",
            "log in; asks for the password, never shows or keeps it",
            "The password comes from --password-command, netrc or a prompt. Without MECH the best "
            "the server offers: SCRAM, CRAM-MD5, and PLAIN or LOGIN only inside TLS. USER is the "
            "protocol's own login: USER and PASS in POP3, LOGIN in IMAP; APOP is POP3's digest.",
            false, exec_auth, ARG_MECH, NULL),
    COMMAND("wait", "connection", "[SECS]", "wait for the next reply, at most SECS (30)", NULL,
            false, exec_wait, ARG_NONE, NULL),
    COMMAND_FOR(P_SMTP, "ehlo", "transaction", "[NAME]", "EHLO with NAME, or the set name", NULL,
                false, exec_ehlo, ARG_NONE, NULL),
    COMMAND_FOR(P_SMTP, "mail", "transaction", "ADDRESS [PARAM...]",
                "MAIL FROM:<ADDRESS>; <> is the null path", NULL, false, exec_mail, ARG_ADDRESS,
                NULL),
    COMMAND_FOR(P_SMTP, "rcpt", "transaction", "ADDRESS...", "RCPT TO:<ADDRESS>, one after another",
                NULL, false, exec_rcpt, ARG_ADDRESS, NULL),
    COMMAND_FOR(P_SMTP, "data", "transaction", "[FILE]",
                "DATA; with FILE its content and the final dot too",
                "Without FILE type the message, a lone dot ends it. LF in FILE becomes CRLF.",
                false, exec_data, ARG_FILE, NULL),
    COMMAND_FOR(
        P_SMTP, "bdat", "transaction", "FILE [CHUNK]",
        "send FILE by BDAT, octet for octet, in chunks of CHUNK octets (1 MiB)",
        "RFC 3030: no dot-stuffing, no line ends changed; each chunk waits for the reply to "
        "the one before. Goes out whether CHUNKING was offered or not.",
        false, exec_bdat, ARG_FILE, NULL),
    COMMAND_FOR(P_SMTP, "send", "transaction", "[--from ADDRESS] [--to ADDRESS]... [FILE]",
                "a whole transaction, by the settings from, to, tls, auth",
                "Starts where the session is: greets, STARTTLS, AUTH, MAIL, RCPT, DATA as needed. "
                "Without FILE a test message. --from and --to are for this message alone.",
                false, exec_send, ARG_FILE, NULL),
    COMMAND_FOR(P_SMTP, "compose", "transaction", "",
                "write a message in your editor (VISUAL, EDITOR), then send it",
                "The session goes on meanwhile. After DATA its lines go out as the message; else "
                "/send is offered. The draft is kept.",
                true, exec_view, ARG_NONE, NULL),
    COMMAND_FOR(P_SMTP, "attach", "transaction", "FILE",
                "put FILE into the message the next /send makes; without FILE: none any more", NULL,
                false, exec_attach, ARG_FILE, NULL),
    COMMAND_FOR(P_SMTP, "rset", "transaction", "", "RSET: drop the envelope", NULL, false,
                exec_rset, ARG_NONE, NULL),
    COMMAND("quit-session", "transaction", "", "QUIT", NULL, false, exec_quit_session, ARG_NONE,
            NULL),
    COMMAND_FOR(P_IMAP, "mailboxes", "reading mail", "", "the mailboxes of this user (LIST)", NULL,
                false, exec_mailboxes, ARG_NONE, NULL),
    COMMAND_FOR(P_IMAP, "select", "reading mail", "[MAILBOX]", "open a mailbox (INBOX)",
                "What is in it is told and kept up to date in the decoded pane.", false,
                exec_select, ARG_MAILBOX, NULL),
    COMMAND_FOR(P_POP3 | P_IMAP, "list", "reading mail", "[N]",
                "the messages: POP3 LIST; IMAP FETCH of their flags, sizes and envelopes",
                "IMAP: a mailbox has to be selected, and N may be a set: 1:3,7.", false, exec_list,
                ARG_NONE, NULL),
    COMMAND_FOR(P_POP3 | P_IMAP, "get", "reading mail", "N",
                "one message: POP3 RETR; IMAP FETCH, without marking it as seen", NULL, false,
                exec_get, ARG_NONE, NULL),
    COMMAND_FOR(P_POP3 | P_IMAP, "headers", "reading mail", "N",
                "its header: POP3 TOP; IMAP FETCH, without marking it as seen", NULL, false,
                exec_headers, ARG_NONE, NULL),
    COMMAND_FOR(P_IMAP, "structure", "reading mail", "N",
                "its MIME parts as a tree (BODYSTRUCTURE), without fetching them", NULL, false,
                exec_structure, ARG_NONE, NULL),
    COMMAND_FOR(P_IMAP, "search", "reading mail", "[CRITERIA]",
                "numbers of the messages that fit; without CRITERIA those not seen",
                "As SEARCH takes them: FROM ann SINCE 1-Jan-2024, TEXT \"two words\", NOT DELETED.",
                false, exec_search, ARG_IMAP_WORDS, "SEARCH"),
    COMMAND_FOR(P_IMAP, "flag", "reading mail", "N [-]FLAG...",
                "set flags, or take them away: seen, answered, flagged, deleted, draft, others",
                NULL, false, exec_flag, ARG_WORDS, "seen|answered|flagged|deleted|draft"),
    COMMAND_FOR(P_POP3 | P_IMAP, "delete", "reading mail", "N",
                "mark for deletion: POP3 DELE; IMAP the flag \\Deleted",
                "It goes at QUIT in POP3, where RSET takes the mark away; at EXPUNGE in IMAP.",
                false, exec_delete, ARG_NONE, NULL),
    COMMAND_FOR(P_IMAP, "move", "reading mail", "N MAILBOX", "move messages to another mailbox",
                NULL, false, exec_move, ARG_MAILBOX, NULL),
    COMMAND_FOR(P_IMAP, "idle", "reading mail", "",
                "IDLE: the server tells what happens; again ends it (DONE)", NULL, false, exec_idle,
                ARG_NONE, NULL),
    COMMAND_FOR(P_IMAP, "append", "reading mail", "FILE [MAILBOX]",
                "put a message into a mailbox (INBOX)",
                "The literal is counted: LF in FILE becomes CRLF, and the message goes out when "
                "the server says +.",
                false, exec_append, ARG_FILE, NULL),
    COMMAND("raw", "bytes", "\"TEXT\\r\\n\\x00\"",
            "send exactly these octets; C escapes, no line end is added",
            "In several writes with pauses: /raw \"EH\" pause 500ms \"LO a\\r\\n\".", false,
            exec_raw, ARG_NONE, NULL),
    COMMAND("pipe", "bytes", "LINE | LINE ...", "several lines in one write (pipelining)", NULL,
            false, exec_pipe, ARG_NONE, NULL),
    COMMAND("xtext", "bytes", "TEXT", "TEXT as xtext, for ENVID, ORCPT and AUTH (RFC 3461)", NULL,
            false, exec_xtext, ARG_NONE, NULL),
    COMMAND("slow", "bytes", "N", "send at most N octets a second; 0: as fast as it goes", NULL,
            false, exec_slow, ARG_NONE, NULL),
    COMMAND("set", "bytes", "NAME [VALUE]", "change a setting; without VALUE back to its default",
            "A list (to) grows by each /set; /set to without value empties it.", false, exec_set,
            ARG_SETTING, NULL),
    COMMAND("show", "bytes", "[NAME]", "show a setting, or all of them", NULL, false, exec_show,
            ARG_SETTING, NULL),
    COMMAND("explain", "reading", "[TEXT]",
            "what the last reply means, who must act, what to do next",
            "With TEXT the same for a reply, a line of a log, or words of a server.", false,
            exec_explain, ARG_NONE, NULL),
    COMMAND("message", "reading", "[PART...]",
            "the message of this session: envelope, who says so, header, parts, trace",
            "PART: envelope, who, fields, raw, parts, trace, octets. Without one, all of them but "
            "raw.",
            false, exec_message, ARG_WORDS, "envelope|who|fields|raw|parts|trace|octets"),
    COMMAND("server", "reading", "",
            "which software it is and how sure that is, what it offers, what is missing or odd",
            NULL, false, exec_server, ARG_NONE, NULL),
    COMMAND("login", "reading", "",
            "each step of logging in decoded and named, secrets masked; why it failed", NULL, false,
            exec_login, ARG_NONE, NULL),
    COMMAND("certs", "reading", "",
            "TLS of this session: what was agreed, the check, the chain, the handshake", NULL,
            false, exec_certs, ARG_NONE, NULL),
    COMMAND(
        "timing", "reading", "", "how long the server took for each reply, and why",
        "Time to the first and the last octet of each reply against what RFC 5321 section 4.5.3.2 "
        "grants; greet delay and tarpits are named.",
        false, exec_timing, ARG_NONE, NULL),
    COMMAND("mark", "reading", "[NAME]", "mark the selected line, or the last one",
            "A letter or a word; without NAME the next free letter. Set again, it moves. Marks and "
            "notes stand in the recording and in what is exported.",
            false, exec_mark, ARG_NONE, NULL),
    COMMAND("note", "reading", "[N] TEXT", "a remark of yours on the selected line, or on line N",
            NULL, false, exec_note, ARG_NONE, NULL),
    COMMAND("find", "reading", "TEXT", "find text in the transcript; n and N go on",
            "/TEXT/ is an extended regular expression. Folded lines are looked at, too. Capital "
            "letters make case count.",
            true, exec_view, ARG_NONE, NULL),
    COMMAND("goto", "reading", "N|mark NAME", "go to line N of the transcript, or to a mark", NULL,
            true, exec_view, ARG_NONE, NULL),
    COMMAND("follow", "reading", "", "go to the end and stay there", NULL, true, exec_view,
            ARG_NONE, NULL),
    COMMAND("hex", "reading", "[N]", "octets of the selected line, or line N", NULL, true,
            exec_view, ARG_NONE, NULL),
    COMMAND("fold", "reading", "[all|none|auto]",
            "fold or unfold what stands at the selected line: content, a long reply, a handshake",
            NULL, true, exec_view, ARG_WORDS, "all|none|auto"),
    COMMAND("unfold", "reading", "", "unfold content at the selected line, else show its octets",
            NULL, true, exec_view, ARG_NONE, NULL),
    COMMAND("find-next", "reading", "", "next hit of the last find", NULL, true, exec_view,
            ARG_NONE, NULL),
    COMMAND("find-previous", "reading", "", "hit before", NULL, true, exec_view, ARG_NONE, NULL),
    COMMAND("select", "reading", "WHAT",
            "select a line: the next or previous command, error or deviation", NULL, true,
            exec_view, ARG_WORDS,
            "next-command|previous-command|next-error|previous-error|next-deviation|"
            "previous-deviation"),
    COMMAND("scroll", "reading", "WHERE", "move in the pane that has the focus", NULL, true,
            exec_view, ARG_WORDS, "up|down|page-up|page-down|home|left|right"),
    COMMAND("time", "reading", "[FORM]", "time column: relative, delta, absolute or off", NULL,
            true, exec_view, ARG_WORDS, "relative|delta|absolute|off"),
    COMMAND("filter", "reading", "[EXPR]|off",
            "show only the lines of the transcript that match; without EXPR it is asked for",
            "The language of smtpscope find (doc/filter.md): dir=S code>=500, kind=tls, "
            "text~quota. How many lines are hidden is always shown.",
            true, exec_view, ARG_NONE, NULL),
    COMMAND("copy", "reading", "[line|shown] [FILE]",
            "copy the selected line, or all that the filter shows",
            "To the clipboard by OSC 52, where the terminal takes it, or to a new file. Safe text, "
            "secrets masked.",
            true, exec_view, ARG_WORDS, "line|shown"),
    COMMAND("ladder", "reading", "[scale|export FILE]",
            "this connection as a sequence diagram, with the time between the arrows",
            "scale: long waits take more room. export: the same as text in a new file.", true,
            exec_view, ARG_WORDS, "scale|export"),
    COMMAND("wrap", "reading", "[on|off]", "long lines over several rows, or cut", NULL, true,
            exec_view, ARG_WORDS, "on|off"),
    COMMAND("line-ends", "reading", "[on|off]", "show CR and LF at the end of each line", NULL,
            true, exec_view, ARG_WORDS, "on|off"),
    COMMAND("compare", "reading", "", "the last /diff again", NULL, true, exec_view, ARG_NONE,
            NULL),
    COMMAND("mark-key", "reading", "set|goto", "set a mark by its letter, or go to one", NULL, true,
            exec_view, ARG_WORDS, "set|goto"),
    COMMAND("record", "recordings", "FILE|off",
            "write a recording from the first event on, secrets removed", NULL, false, exec_record,
            ARG_FILE, NULL),
    COMMAND("redact", "recordings", "on|off",
            "replace message bodies and addresses in what is recorded and saved from now on",
            "Letters of messages become x, addresses pseudonyms of the same length, the same for "
            "the same address in every recording of yours. /save then writes what is shown so.",
            false, exec_redact, ARG_WORDS, "on|off"),
    COMMAND("save", "recordings", "FILE",
            "write what is shown as a recording, with marks and notes", NULL, false, exec_save,
            ARG_FILE, NULL),
    COMMAND(
        "export", "recordings", "FORMAT FILE", "write this session in another form",
        "Formats as of smtpscope export (smtpscope help formats). Secrets are masked, and no file "
        "is overwritten.",
        false, exec_export, ARG_WORDS, "text|swaks|markdown|html|svg|json|eml|script|cast|pcapng"),
    COMMAND("replay", "recordings", "FILE [SPEED]",
            "show a recording in these panes, as it happened",
            "SPEED is 0.1 to 10, or as-it-was; pauses above 2 s are cut to that. Then /replay and "
            "play, pause, step [N], back [N], speed N, goto SECS, mark [NAME], quiz on, guess "
            "CODE, or off, which goes back to the session.",
            true, exec_replay, ARG_FILE, NULL),
    COMMAND(
        "diff", "recordings", "FILE [FILE] [a=N] [b=N]",
        "compare this session with a recording, or one recording with another",
        "Aligned by what was asked and answered; names the first difference that explains the "
        "outcome (doc/recording.md). a=N and b=N choose a connection of either. On a screen: side "
        "by side.",
        false, exec_diff, ARG_FILE, NULL),
    COMMAND("practice", "practice", "[SCENARIO]",
            "what the practice server does: a scenario, or the list of them",
            "SCENARIO is one of doc/scenarios.md or a file. It counts from the next connection on; "
            "mailboxes are emptied. /open practice:SCENARIO does the same where it is another one.",
            false, exec_practice, ARG_SCENARIO, NULL),
    COMMAND(
        "fault", "practice", "RULE | off [N]",
        "make the practice server misbehave, or stop it again",
        "RULE as in doc/scenarios.md, on one line with ; between actions: rcpt to=bob@* times=2 "
        "delay 1 ; reply 450 4.2.0 Not now. It is asked before the scenario's rules, the newest "
        "first.",
        false, exec_fault, ARG_NONE, NULL),
    COMMAND("faults", "practice", "", "the rules of the practice server, and how often each acted",
            NULL, false, exec_faults, ARG_NONE, NULL),
    COMMAND("reset-practice", "practice", "",
            "the practice server as new: no mail, nothing remembered, no live rules", NULL, false,
            exec_reset_practice, ARG_NONE, NULL),
    COMMAND("mailbox", "practice", "[N]", "messages the practice server keeps, or message N", NULL,
            false, exec_mailbox, ARG_NONE, NULL),
    COMMAND("help", "program", "[TOPIC]", "help on a command, a verb, a setting, or a list of all",
            NULL, false, exec_help, ARG_TOPIC, NULL),
    COMMAND("layout", "program", "NAME",
            "auto, wide, stacked, transcript, or big for a class at the far wall", NULL, true,
            exec_view, ARG_WORDS, "auto|wide|stacked|transcript|big"),
    COMMAND("theme", "program", "NAME", "dark, light, contrast or mono", NULL, true, exec_view,
            ARG_WORDS, "dark|light|contrast|mono"),
    COMMAND("tab", "program", "NAME", "section of the decoded pane", NULL, true, exec_view,
            ARG_WORDS,
            "auto|why|envelope|mailbox|message|tls|certificates|capabilities|session|timing|"
            "deviations|next|previous"),
    COMMAND("zoom", "program", "", "one pane on the whole screen, and back", NULL, true, exec_view,
            ARG_NONE, NULL),
    COMMAND("pane", "program", "NAME",
            "give a pane the focus: next, command, transcript or decoded", NULL, true, exec_view,
            ARG_WORDS, "next|command|transcript|decoded"),
    COMMAND("split", "program", "smaller|larger|reset|PERCENT",
            "size of the transcript; kept for each kind of layout", NULL, true, exec_view,
            ARG_WORDS, "smaller|larger|reset"),
    COMMAND("again", "program", "", "send the last line again", NULL, true, exec_view, ARG_NONE,
            NULL),
    COMMAND("edit-line", "program", "", "the line being typed in your editor", NULL, true,
            exec_view, ARG_NONE, NULL),
    COMMAND("history", "program", "", "search the typed lines", NULL, true, exec_view, ARG_NONE,
            NULL),
    COMMAND("repaint", "program", "", "draw the screen anew", NULL, true, exec_view, ARG_NONE,
            NULL),
    COMMAND("suspend", "program", "", "back to the shell; fg returns", NULL, true, exec_view,
            ARG_NONE, NULL),
    COMMAND("leave", "program", "", "leave the program; asks while connected", NULL, true,
            exec_view, ARG_NONE, NULL),
    COMMAND("keys", "program", "", "the keys of the pane one is in, and all others", NULL, true,
            exec_view, ARG_NONE, NULL),
    COMMAND("palette", "program", "", "all commands, found by a few of their letters", NULL, true,
            exec_view, ARG_NONE, NULL),
    COMMAND("bind", "program", "[KEY COMMAND]", "let a key of the screen run a command",
            "KEY is F7, Alt-x, Ctrl-Home, a letter; transcript:x holds in that pane only. COMMAND "
            "off takes the key away. The config file takes the same as bind KEY COMMAND.",
            true, exec_view, ARG_NONE, NULL),
    COMMAND("source", "program", "FILE", "run the lines of FILE, with expect and all", NULL, false,
            exec_source, ARG_FILE, NULL),
    COMMAND("alias", "program", "NAME = LINE",
            "make /NAME stand for LINE; without arguments list them", NULL, false, exec_alias,
            ARG_NONE, NULL),
    COMMAND("quit", "program", "", "leave the program", NULL, false, exec_quit, ARG_NONE, NULL),
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

const struct console_command *console_command_find(struct slice name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (slice_eq(name, slice_cstr(commands[i].info.name)))
            return &commands[i];
    return NULL;
}

const struct console_command *console_command_entry(size_t index)
{
    return index < N_COMMANDS ? &commands[index] : NULL;
}

const struct console_command_info *console_command_at(size_t index)
{
    return index < N_COMMANDS ? &commands[index].info : NULL;
}

void console_doc_markdown(struct buf *out)
{
    const char *group = "";
    buf_append_cstr(
        out,
        "# What can be typed\n\nWritten from src/console/commands.c by `make doc`.\n\n"
        "Everything goes to the peer as typed, with CRLF behind it, unless it begins with `/`. "
        "`//x` sends `/x`.\n");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const struct console_command_info *info = &commands[i].info;
        if (strcmp(group, info->group) != 0) {
            group = info->group;
            buf_printf(out, "\n## %s\n\n| command | what it does |\n|---|---|\n", group);
        }
        buf_append_cstr(out, "| `/");
        buf_append_cstr(out, info->name);
        buf_append_cstr(out, *info->args ? " " : "");
        for (const char *p = info->args; *p; p++) /* a bar would end the table's cell */
            buf_printf(out, "%s%c", *p == '|' ? "\\" : "", *p);
        buf_printf(out, "` | %s%s%s |\n", info->help, info->details ? ". " : "",
                   info->details ? info->details : "");
    }
    buf_append_cstr(
        out, "\n## settings\n\n| setting | value | default | what it does |\n|---|---|---|---|\n");
    for (int id = 0; id < SETTING_ID__COUNT; id++) {
        const struct setting_info *s = setting_info((enum setting_id)id);
        buf_printf(out, "| `%s` | ", s->name);
        for (const char *p = s->type == SETTING_BOOL ? "on|off" : s->arg; *p; p++)
            buf_printf(out, "%s%c", *p == '|' ? "\\" : "", *p);
        buf_printf(out, " | %s | %s |\n", s->dflt, s->help);
    }
}
