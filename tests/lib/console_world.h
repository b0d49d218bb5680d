/* The console on the practice server, in memory: what the tests of console and reports type at. */
#ifndef TESTS_LIB_CONSOLE_WORLD_H
#define TESTS_LIB_CONSOLE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "console/console.h"
#include "console/script.h"

enum { WORLD_LIMIT_MS = 20000 };

struct world {
    struct loop *loop;
    struct journal *journal;
    struct settings *settings;
    struct console *console;
};

void world_init(struct world *w);
void world_deinit(struct world *w);
/* The same as cmocka's set-up and tear-down: *state is the world. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* Run a script to its end; the result is copied out. */
struct script_result world_script(struct world *w, const char *text);
/* The same, and fail with its line where it did not succeed. */
void world_run(struct world *w, const char *text);
/* Did the program say this to the person (a NOTE's text holds it)? */
bool world_noted(const struct world *w, const char *part);

#endif
