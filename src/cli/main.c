/* smtpscope: see src/cli/verbs.c for what it can be asked. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static int usage_error(const struct cli_verb *verb, const struct err *err)
{
    struct err line = *err; /* one line: what is wrong and how to write it */
    line.means[0] = line.next[0] = '\0';
    cli_say_err(&line);
    return cli_usage_status(verb);
}

static int print_usage(const struct cli_verb *verb)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    cli_usage(&text, verb);
    fwrite(text.ptr, 1, text.len, stdout);
    buf_deinit(&text);
    return CLI_OK;
}

/* Started with 0, 1 or 2 closed: the next file or socket would take that number, and what is
 * printed would go to the server. */
static void hold_standard_fds(void)
{
    int fd;
    while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO)
        ;
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts(CLI_TOOL);
        return CLI_OK;
    }
    hold_standard_fds();
    setlocale(LC_ALL, "");
    /* A peer or a pager that goes away is an error to report, not a reason to die; so is a
     * recording that reaches the limit of a file's size. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);

    struct settings *settings = settings_new();
    struct cli_args args = {.settings = settings};
    struct err err;
    int status;
    if (!cli_parse(argc, argv, &args, &err))
        status = usage_error(args.verb, &err);
    else if (args.want_version)
        status = puts(CLI_TOOL) < 0;
    else if (args.want_help)
        status = print_usage(*args.verb->name ? args.verb : NULL);
    else
        status = args.verb->run(&args);
    cli_args_deinit(&args);
    settings_free(&settings);
    return status;
}
