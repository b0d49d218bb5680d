/* smtpscope serve: the practice servers in the foreground. */
#include "cli/backstage.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "engine/smtp_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct serve {
    struct app app;
    struct mock *mock;
    struct control *control;
    char *ca_path; /* NULL: not written */
    struct loop_signal *term, *intr, *hup;
};

static void stop(void *ctx, int signum)
{
    (void)signum;
    struct serve *s = ctx;
    loop_stop(s->app.loop);
}

static bool parse_port(const char *text, uint16_t *port_out, struct err *err)
{
    uint64_t port;
    if (!slice_to_u64(slice_cstr(text), 65535, &port)) {
        err_set(err, ERR_USAGE, 0, "%.40s is no port; a port is 0 (a free one) to 65535", text);
        return false;
    }
    *port_out = (uint16_t)port;
    return true;
}

/* Where to listen: --host and this port; NULL takes a free one. */
static bool parse_address(const struct cli_args *args, const char *port_text,
                          struct net_address *at_out, struct err *err)
{
    const char *host = cli_own(args, "host", 0);
    uint16_t port = 0;
    if (port_text && !parse_port(port_text, &port, err))
        return false;
    if (net_address_parse_ip(host ? host : "127.0.0.1", port, at_out))
        return true;
    err_set(err, ERR_USAGE, 0,
            "--host %.60s: not an IP address; write one such as 127.0.0.1 or ::1", host);
    return false;
}

static bool parse_path(const char *path, struct net_address *at, struct err *err)
{
    if (net_address_unix(path, at))
        return true;
    err_set(err, ERR_USAGE, 0, "%.60s...: the path is too long for a socket", path);
    return false;
}

static bool listen_one(struct serve *s, const struct cli_args *args, enum mock_service service,
                       bool all, struct err *err)
{
    const char *port_text = cli_own(args, mock_service_name(service), 0);
    if (!port_text && !all)
        return true;
    bool remote = cli_own(args, "allow-remote", 1) != NULL;
    struct net_address at;
    if (port_text && service == MOCK_LMTP && strchr(port_text, '/'))
        return parse_path(port_text, &at, err) && mock_listen(s->mock, service, &at, remote, err);
    return parse_address(args, port_text, &at, err) &&
           mock_listen(s->mock, service, &at, remote, err);
}

/* The practice world's names; loopback only, so with another --host only where asked for. */
static bool listen_dns(struct serve *s, const struct cli_args *args, bool all, struct err *err)
{
    const char *port_text = cli_own(args, "dns", 0);
    struct net_address at;
    if (!port_text && !all)
        return true;
    if (!parse_address(args, port_text, &at, err))
        return false;
    return (!port_text && !net_address_is_loopback(&at)) || mock_listen_dns(s->mock, &at, err);
}

static bool listen_all(struct serve *s, const struct cli_args *args, struct err *err)
{
    bool named = cli_own(args, "dns", 0) != NULL;
    for (int i = 0; i < MOCK_SERVICE__COUNT; i++)
        named = named || (!mock_service_is_museum((enum mock_service)i) &&
                          cli_own(args, mock_service_name((enum mock_service)i), 0));
    for (int i = 0; i < MOCK_SERVICE__COUNT; i++)
        if (mock_service_is_served((enum mock_service)i) &&
            !mock_service_is_museum((enum mock_service)i) &&
            !listen_one(s, args, (enum mock_service)i, !named, err))
            return false;
    return listen_dns(s, args, !named, err);
}

static bool write_pem(struct slice pem, const char *path, mode_t mode, const char *what,
                      struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    bool ok = fd >= 0 && write(fd, pem.ptr, pem.len) == (ssize_t)pem.len;
    if (!ok)
        err_set(err, ERR_FILE, errno, "cannot write %s to %.120s: %s", what, path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool write_ca(struct mock *m, const char *path, struct err *err)
{
    return write_pem(mock_ca_pem(m), path, 0644, "the practice CA", err);
}

static bool write_client_cert(struct mock *m, const char *path, struct err *err)
{
    struct buf pem;
    buf_init(&pem, 16384);
    bool ok = mock_client_pem(m, "alice", &pem);
    if (!ok)
        err_set(err, ERR_TLS, 0, "a client certificate could not be made");
    ok = ok && write_pem(buf_slice(&pem), path, 0600, "the client certificate", err);
    mem_wipe(pem.ptr, pem.len);
    buf_deinit(&pem);
    return ok;
}

/* Rules with commas between; false and *err for one nobody knows. */
static bool parse_relax(const char *text, unsigned *relax_out, struct err *err)
{
    struct slice rest = slice_cstr(text);
    while (rest.len > 0) {
        ptrdiff_t comma = slice_find_octet(rest, ',');
        struct slice name = comma < 0 ? rest : slice_take(rest, (size_t)comma);
        unsigned bit = smtp_relax_by_name(slice_trim(name));
        if (bit == 0) {
            struct buf known;
            buf_init(&known, sizeof(err->next) - 1);
            for (size_t i = 0; smtp_relax_at(i); i++)
                buf_printf(&known, "%s%s", i ? " " : "", smtp_relax_at(i)->name);
            err_set(err, ERR_USAGE, 0, "--relax: no rule is called %.*s",
                    SLICE_ARG(slice_take(name, 40)));
            err_explain(err, "they are all, or some of those named next, with commas between",
                        buf_cstr(&known));
            buf_deinit(&known);
            return false;
        }
        *relax_out |= bit;
        rest = slice_skip(rest, comma < 0 ? rest.len : (size_t)comma + 1);
    }
    return true;
}

/* ---- what a person wants to know ---- */

/* The CA's certificate in a file of the person's own, where none was named. */
static char *usual_ca_path(const struct app *a)
{
    const char *slash = a->history_path ? strrchr(a->history_path, '/') : NULL;
    return slash
               ? mem_printf("%.*s/practice-ca.pem", (int)(slash - a->history_path), a->history_path)
               : NULL;
}

static const char *address_of(const struct serve *s, enum mock_service service, char out[160])
{
    const struct net_address *at = mock_address(s->mock, service);
    if (!at)
        return NULL;
    net_address_format(at, out, 160);
    return out;
}

static void print_examples(const struct serve *s)
{
    char at[160];
    const char *ca = s->ca_path ? s->ca_path : "FILE (see --ca-out)";
    if (address_of(s, MOCK_SMTP, at)) {
        printf("# swaks --server %s --from you@example.com --to bob@example.test\n", at);
        printf("# curl smtp://%s --mail-from you@example.com --mail-rcpt bob@example.test "
               "--crlf --upload-file MESSAGE\n",
               at);
    }
    if (address_of(s, MOCK_SUBMISSION, at))
        printf("# swaks --server %s --tls --auth PLAIN --auth-user alice --auth-password secret "
               "--from alice@example.test --to friend@elsewhere.example\n",
               at);
    if (address_of(s, MOCK_POP3, at))
        printf("# curl --user bob:secret pop3://%s/\n", at);
    if (address_of(s, MOCK_IMAP, at))
        printf("# curl --user bob:secret imap://%s/INBOX\n", at);
    printf("# a mail program: name alice@example.test, user alice, password secret; sending: the "
           "submission server with STARTTLS%s; trust the CA %s\n",
           mock_address(s->mock, MOCK_IMAP) ? "; reading: the imap or pop3 server" : "", ca);
}

static void print_address(const char *name, const struct net_address *at)
{
    char text[160];
    if (!at)
        return;
    net_address_format(at, text, sizeof text);
    printf("%s %s\n", name, text);
}

static void print_ready(const struct serve *s, bool quiet)
{
    for (int i = 0; i < MOCK_SERVICE__COUNT; i++)
        print_address(mock_service_name((enum mock_service)i),
                      mock_address(s->mock, (enum mock_service)i));
    print_address("dns", mock_dns_address(s->mock));
    if (!quiet) {
        printf("# scenario %s; domain example.test; users alice, bob, carol; password secret\n",
               mock_scenario_name(s->mock));
        if (s->ca_path)
            printf("# the practice CA's certificate: %s\n", s->ca_path);
        print_examples(s);
    }
    printf("ready\n");
    fflush(stdout);
}

static bool write_the_ca(struct serve *s, const struct cli_args *args, struct err *err)
{
    const char *named = cli_own(args, "ca-out", 0);
    struct err ignored;
    s->ca_path = named ? mem_strdup(named) : usual_ca_path(&s->app);
    if (!s->ca_path || write_ca(s->mock, s->ca_path, named ? err : &ignored))
        return true;
    mem_free(s->ca_path);
    s->ca_path = NULL;
    return !named; /* a place nobody asked for may be missing */
}

static bool prepare(struct serve *s, const struct cli_args *args, struct err *err)
{
    const char *scenario = cli_own(args, "scenario", 0), *control = cli_own(args, "control", 0);
    const char *account, *rule, *maildir = cli_own(args, "maildir", 0);
    if (maildir && !mock_keep_in(s->mock, maildir, err))
        return false;
    for (int i = 0; (account = cli_own(args, "account", i)); i++) {
        size_t name = strcspn(account, ":");
        struct slice password = slice_cstr(account[name] ? account + name + 1 : "");
        if (!mock_account_add(s->mock, slice_of(account, name), password, err))
            return false;
    }
    if (scenario && !mock_set_scenario(s->mock, scenario, console_read_scenario, NULL, err))
        return false;
    for (int i = 0; (rule = cli_own(args, "fault", i)); i++)
        if (mock_rule_add(s->mock, slice_cstr(rule), err) == 0)
            return false;
    if (control && !(s->control = control_open(s->app.loop, s->mock, control, err)))
        return false;
    const char *client = cli_own(args, "client-cert-out", 0);
    return listen_all(s, args, err) && write_the_ca(s, args, err) &&
           (!client || write_client_cert(s->mock, client, err));
}

static void watch_signals(struct serve *s)
{
    s->term = loop_signal_new(s->app.loop, SIGTERM, stop, s);
    s->intr = loop_signal_new(s->app.loop, SIGINT, stop, s);
    s->hup = loop_signal_new(s->app.loop, SIGHUP, stop, s);
}

static void ignore_signals(struct serve *s)
{
    loop_signal_free(&s->term);
    loop_signal_free(&s->intr);
    loop_signal_free(&s->hup);
}

/* Each connection is a descriptor; shells often allow only 1,024 at first, and more when asked. */
static void allow_connections(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int cli_serve(const struct cli_args *args)
{
    struct serve s = {0};
    struct err err;
    struct backstage *backstage = NULL;
    bool ok = false, ui = cli_own(args, "ui", 0) != NULL;
    if (!app_open(&s.app, args, false, &err))
        goto out;
    s.app.tell = !ui;
    allow_connections();
    /* A server that runs for days keeps what is under way, not what was: the recording is for that.
     */
    const struct journal_limits limits = {
        .events_octets = 1 << 20, .store_memory_octets = 1 << 20, .store_spool_octets = 0};
    if (!ui)
        journal_set_limits(s.app.journal, &limits);
    const char *relax = cli_own(args, "relax", 0);
    struct mock_options options = {
        .xclient = cli_own(args, "xclient", 0) != NULL,
        .proxy = cli_own(args, "proxy", 0) != NULL,
        .client_certs = cli_own(args, "client-cert-out", 0) != NULL,
        .magic_off = cli_own(args, "no-magic", 0) != NULL,
        .allow_remote = cli_own(args, "allow-remote", 0) != NULL,
        .keep_nothing = cli_own(args, "keep-nothing", 0) != NULL,
        .forget_octets = !ui,
        .in_front = true,
    };
    if (relax && !parse_relax(relax, &options.relax, &err))
        goto out;
    s.mock = mock_new(s.app.loop, s.app.journal, &options);
    if (!prepare(&s, args, &err))
        goto out;
    console_take_mock(s.app.console, s.mock); /* /fault, /mailbox and the rest are about it */
    bool quiet = settings_bool(args->settings, SETTING_ID_quiet);
    if (!ui) /* before anybody learns that it runs */
        watch_signals(&s);
    print_ready(&s, quiet);
    if (!ui && !quiet)
        backstage = backstage_open(&s.app, STDOUT_FILENO);
    if (!ui)
        loop_run(s.app.loop);
    else if (!cli_run_screen(&s.app, args, "serve", false, &err))
        goto out;
    ok = true;
out:
    if (!ok)
        cli_say_err(&err);
    ignore_signals(&s);
    backstage_close(&backstage);
    control_close(&s.control);
    if (s.app.console && console_mock(s.app.console) != s.mock)
        mock_free(&s.mock);
    mem_free(s.ca_path);
    if (s.app.loop)
        app_close(&s.app);
    return ok ? CLI_OK : (int)cli_status_of_err(&err);
}
