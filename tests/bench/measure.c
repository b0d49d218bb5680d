/* Run commands in turn (A B A B ...) and print the median wall time, CPU time and peak memory of
 * each.
 *
 * usage: measure RUNS NAME COMMAND [NAME COMMAND]...     (COMMAND is for sh)
 * output: one line each: NAME wall_us cpu_us rss_kb failures
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS_MAX = 1000, COMMANDS_MAX = 16 };

struct one {
    const char *name, *command;
    long wall_us[RUNS_MAX], cpu_us[RUNS_MAX], rss_kb[RUNS_MAX];
    int failures;
};

static int by_size(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

static long median(long *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_size);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static long us(struct timeval t)
{
    return t.tv_sec * 1000000L + t.tv_usec;
}

static void run(struct one *o, int nth)
{
    struct timespec from, to;
    struct rusage usage;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &from);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        char *line = NULL;
        if (asprintf(&line, "exec %s", o->command) > 0)
            execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    wait4(pid, &status, 0, &usage);
    clock_gettime(CLOCK_MONOTONIC, &to);
    o->wall_us[nth] = (to.tv_sec - from.tv_sec) * 1000000L + (to.tv_nsec - from.tv_nsec) / 1000;
    o->cpu_us[nth] = us(usage.ru_utime) + us(usage.ru_stime);
    o->rss_kb[nth] = usage.ru_maxrss;
    o->failures += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

int main(int argc, char **argv)
{
    static struct one all[COMMANDS_MAX];
    int runs = argc > 1 ? atoi(argv[1]) : 0, n = (argc - 2) / 2;
    if (runs < 1 || runs > RUNS_MAX || n < 1 || n > COMMANDS_MAX) {
        fprintf(stderr, "usage: measure RUNS NAME COMMAND [NAME COMMAND]...\n");
        return 1;
    }
    for (int i = 0; i < n; i++) {
        all[i].name = argv[2 + 2 * i];
        all[i].command = argv[3 + 2 * i];
        run(&all[i], 0); /* once, for the caches: overwritten below */
        all[i].failures = 0;
    }
    for (int nth = 0; nth < runs; nth++)
        for (int i = 0; i < n; i++)
            run(&all[i], nth);
    for (int i = 0; i < n; i++)
        printf("%s %ld %ld %ld %d\n", all[i].name, median(all[i].wall_us, runs),
               median(all[i].cpu_us, runs), median(all[i].rss_kb, runs), all[i].failures);
    return 0;
}
