/* The input decoder: octets from the terminal become whole units (a key, a paste, a mouse report),
 * however they were cut into reads. Pure: no terminal, no curses, no time but what the caller
 * tells.
 *
 * Every key comes with the octets that made it, so that a key nobody wants can go to readline as it
 * came.
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include "base/buf.h"

/* A key is a code point or one of the codes below, with modifiers. Control characters are KEY_CTRL
 * + lower case letter, but for Tab, Enter (CR and LF), Backspace and Esc, which have codes of their
 * own. */
enum input_code {
    KEY_BASE = 0x200000, /* above every code point */
    KEY_ESC_CODE = KEY_BASE,
    KEY_ENTER_CODE,
    KEY_TAB_CODE,
    KEY_BACKSPACE_CODE,
    KEY_UP_CODE,
    KEY_DOWN_CODE,
    KEY_LEFT_CODE,
    KEY_RIGHT_CODE,
    KEY_HOME_CODE,
    KEY_END_CODE,
    KEY_PGUP_CODE,
    KEY_PGDN_CODE,
    KEY_INSERT_CODE,
    KEY_DELETE_CODE,
    KEY_FOCUS_IN_CODE,
    KEY_FOCUS_OUT_CODE,
    KEY_SYNC_CODE,    /* the private key of tests, ESC [ 9977 ~ */
    KEY_UNKNOWN_CODE, /* a sequence that is no key of ours; readline may know it */
    KEY_FUNCTION,     /* F1 is KEY_FUNCTION + 1, to F24 */
    KEY_SHIFT_BIT = 1 << 24,
    KEY_ALT_BIT = 1 << 25,
    KEY_CTRL_BIT = 1 << 26
};
#define KEY_CTRL(letter) (KEY_CTRL_BIT | (uint32_t)(letter))
#define KEY_ALT(code)    (KEY_ALT_BIT | (uint32_t)(code))
#define KEY_FN(n)        ((uint32_t)KEY_FUNCTION + (n))

enum input_kind { INPUT_KEY, INPUT_PASTE, INPUT_MOUSE };

struct input_unit {
    enum input_kind kind;
    uint32_t key; /* KEY */
    struct slice
        octets; /* KEY: what made it; PASTE: the text, CR LF and CR as LF. Valid during the call. */
    unsigned button, col, row; /* MOUSE, from 0 */
    bool press;
    bool cut; /* PASTE: longer than the limit, the rest is gone */
};
typedef void (*input_fn)(void *ctx, const struct input_unit *unit);

enum {
    INPUT_ESC_WAIT_MS = 40,  /* a lone Esc is a key after this */
    INPUT_SEQ_WAIT_MS = 250, /* slow links cut sequences in two */
    INPUT_PASTE_WAIT_MS = 2000,
    INPUT_PASTE_MAX_OCTETS = 1 << 20,
    INPUT_STRING_MAX_OCTETS = 4096 /* a terminal's own answer (OSC, DCS), swallowed */
};

struct input {
    int state;
    unsigned utf8_left;
    uint8_t seq[64];
    size_t seq_len;
    size_t string_octets;
    struct buf paste;
    bool paste_cut;
    input_fn fn;
    void *ctx;
};

void input_init(struct input *in, input_fn fn, void *ctx);
void input_deinit(struct input *in);
/* Units are given to fn before this returns. */
void input_feed(struct input *in, struct slice octets);
/* How long to wait for more of what has begun; 0: nothing has. */
unsigned input_wait_ms(const struct input *in);
/* Nothing came in that time: what has begun is all there is. */
void input_timeout(struct input *in);

#endif
