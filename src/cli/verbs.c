#include "cli/cli.h"

#include <string.h>

static const struct cli_option serve_options[] = {
    {"smtp", "PORT", "SMTP as between servers, port 25 style; 0 takes a free port"},
    {"submission", "PORT", "submission with STARTTLS and AUTH, port 587 style"},
    {"submissions", "PORT", "submission inside TLS from the first octet, port 465 style"},
    {"pop3", "PORT", "POP3 with STLS, port 110 style"},
    {"pop3s", "PORT", "POP3 inside TLS from the first octet, port 995 style"},
    {"imap", "PORT", "IMAP with STARTTLS, port 143 style"},
    {"imaps", "PORT", "IMAP inside TLS from the first octet, port 993 style"},
    {"lmtp", "PORT|PATH",
     "delivery as into a mailbox store: LHLO, one reply a recipient after the dot; PATH: a socket"},
    {"dns", "PORT",
     "the practice world's names over UDP and TCP, for --resolver, dig or a real MTA"},
    {"scenario", "NAME|FILE", "what the servers do: smtpscope help scenarios, or a file of yours"},
    {"fault", "RULE", "a rule on one line, asked before the scenario's (may be repeated)"},
    {"control", "PATH", "a socket to add and remove rules while they run; help is a command there"},
    {"ui", NULL, "the console on the screen, watching all sessions"},
    {"host", "ADDRESS", "listen on this address (default 127.0.0.1)"},
    {"allow-remote", NULL, "let it listen beyond loopback; must be said twice"},
    {"no-magic", NULL, "addresses such as any+550@ are ordinary ones"},
    {"keep-nothing", NULL, "count messages instead of keeping them"},
    {"maildir", "DIR", "keep messages as Maildirs below DIR, for other programs to read, too"},
    {"account", "NAME[:PASSWORD]",
     "somebody else with a mailbox here (password: secret); repeat for more. A Maildir of that "
     "name gets the password, too"},
    {"client-cert-out", "FILE",
     "ask clients for a certificate, and write one for alice with its key there (AUTH EXTERNAL)"},
    {"xclient", NULL, "offer XCLIENT and believe what it says of the client"},
    {"proxy", NULL, "each connection begins with a PROXY header, version 1 or 2"},
    {"relax", "RULES", "bear what strict servers refuse: data-bare-lf,data-end-lf,...; all"},
    {"ca-out", "FILE", "write the practice CA's certificate there (PEM), for clients to trust"},
    {NULL, NULL, NULL},
};
static const struct cli_option find_options[] = {
    {"json", NULL, "one JSON object a hit"},
    {"backstage", NULL, "also what happened inside the practice server"},
    {NULL, NULL, NULL},
};
static const struct cli_option diff_options[] = {
    {"json", NULL, "one JSON object with every difference"},
    {"conn-a", "N", "which connection of A (default: the last one that came up)"},
    {"conn-b", "N", "which connection of B"},
    {NULL, NULL, NULL},
};
static const struct cli_option export_options[] = {
    {"to", "FORMAT", "the format: smtpscope help formats lists them"},
    {"output", "FILE", "write there instead of standard output; nothing is overwritten (also -o)"},
    {"message", "N", "eml: which message, where there are several"},
    {"keylog", "FILE", "pcapng: put the TLS keys of that file (SSLKEYLOGFILE) before the packets"},
    {"standard-ports", NULL,
     "pcapng: call the server's port what others know it by (25, 587, 465, 110, 995, 143, 993)"},
    {NULL, NULL, NULL},
};
static const struct cli_option import_options[] = {
    {"output", "FILE", "write there instead of standard output; nothing is overwritten (also -o)"},
    {NULL, NULL, NULL},
};
static const struct cli_option run_options[] = {
    {"replay", "FILE", "in place of a script: what the client said in that recording, to TARGET"},
    {NULL, NULL, NULL},
};
static const struct cli_option help_options[] = {
    {"generate", "DIR", "write the pages made from tables into DIR (used by make doc)"},
    {NULL, NULL, NULL},
};

static const struct cli_option explain_options[] = {
    {"json", NULL, "one JSON object a reply, one a line"},
    {"host", "NAME", "the server that said it: its name or the MX"},
    {"banner", "TEXT", "the greeting of the server that said it"},
    {NULL, NULL, NULL},
};

static const struct cli_verb verbs[] = {
    {"", "[TARGET]", "open the console (on the practice server, where no target is named)",
     "Three panes: the transcript of every octet, what it means, and the command line. Everything "
     "typed goes to "
     "the server as it is; a line that begins with / is for the console. Without a terminal, or "
     "with --linear, "
     "the same console reads lines from standard input and prints one event a line: who speaks, "
     "which exchange it is, what is said. A reply of several lines is summed up; /show with the "
     "number of its exchange prints all of it.",
     OPT_OPEN, NULL, 1, cli_open},
    {"run", "SCRIPT|- [TARGET]", "run console lines from a file, headless",
     "The script holds the lines a person would type, and `expect` lines. The transcript is "
     "printed as it goes. "
     "The first expectation that fails ends the run with status 40. A helper (/auth, /send, /tls) "
     "that is refused ends no run, and gives it the status that send would have, unless the script "
     "expects the refusal before it sends another line. With --replay FILE what the "
     "client said in a recording is said again to TARGET, and what came back is compared as "
     "smtpscope diff does; status 0: the same, 1: different.",
     OPT_RUN, run_options, 2, cli_run},
    {"send", "TARGET [FILE|-]", "send one message: a whole transaction",
     "The message comes from FILE, from standard input with -, or is a generated test message. "
     "Line feeds become "
     "CRLF; nothing else is changed.",
     OPT_SEND, NULL, 2, cli_send},
    {"serve", "", "run the practice servers in the foreground",
     "A small true mail server on loopback that accepts, refuses, delays and drops on request. It "
     "prints the "
     "address of each service, then `ready`. With no port named, all services take free ports.",
     OPT_SERVE, serve_options, 0, cli_serve},
    {"show", "FILE", "open a recording in the console, no network",
     "The same panes on what was recorded. Without a terminal the transcript is printed.", OPT_SHOW,
     NULL, 1, cli_show},
    {"explain", "TEXT...|-", "explain a reply, a log line or a bounce, no network",
     "What it means, who must act, what to do next, and where that stands. TEXT is a reply, a line "
     "of a "
     "log (Postfix, Exim, sendmail), or words of a server; - reads any number of lines, a "
     "transcript or a "
     "whole bounce from standard input. Of a log only what failed is explained. Exit status: 0 "
     "something "
     "was explained, 1 the command line does not read, 2 nothing was recognised.",
     0, explain_options, CLI_OPERANDS_MAX, cli_explain},
    {"find", "EXPR FILE...", "search recordings with the filter language",
     "Prints each line and event that matches, with file and line. EXPR is written as "
     "doc/filter.md says: code>=500, verb=RCPT and dt>200ms, text~quota, not dir=C. Status 0: "
     "found, 1: not found, 2: trouble.",
     0, find_options, CLI_OPERANDS_MAX, cli_find},
    {"diff", "A B", "compare two recorded sessions by what was asked and answered",
     "Steps are aligned by meaning; dates, ids, sizes and the client's own names are no "
     "difference. Names the first difference that explains the outcome. Status 0: the same, 1: "
     "different, 2: trouble.",
     0, diff_options, 2, cli_diff},
    {"export", "FILE", "write a recording in another form: page, mail, capture, script",
     "Text formats hold nothing raw from a peer, and secrets are masked.", 0, export_options, 1,
     cli_export},
    {"import", "FILE", "make a recording from a transcript: swaks' output, or C: and S: lines",
     "show, diff, export and run --replay read such transcripts themselves. Secrets in them are "
     "hidden; times are invented, a millisecond a line.",
     0, import_options, 1, cli_import},
    {"help", "[TOPIC]", "explain a subcommand, a console command, a setting or a key",
     "Without a topic: the list of everything.", 0, help_options, 1, cli_help},
};

const struct cli_verb *cli_verb_at(size_t index)
{
    return index < sizeof verbs / sizeof verbs[0] ? &verbs[index] : NULL;
}

const struct cli_verb *cli_verb_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}
