/* See input.h. One state machine over octets; the sequences themselves stand in tables.
 *
 * Sources: ECMA-48 section 5.4 for the shape of control sequences, xterm's control sequences for
 * modified keys, the Linux console for ESC [ [ A.
 */
#include "input.h"

#include <string.h>

#include "base/utf8.h"

enum {
    STATE_GROUND,
    STATE_UTF8,       /* a character of several octets */
    STATE_ESC,        /* ESC came */
    STATE_CSI,        /* ESC [ */
    STATE_CSI_LINUX,  /* ESC [ [ */
    STATE_CSI_X10,    /* ESC [ M and three octets: an old mouse report */
    STATE_SS3,        /* ESC O */
    STATE_STRING,     /* OSC, DCS, APC, PM, SOS: swallowed up to BEL or ST */
    STATE_STRING_ESC, /* ESC inside one */
    STATE_PASTE       /* between ESC [ 200 ~ and ESC [ 201 ~ */
};

static const char paste_end[] = "\033[201~";

struct final_key {
    char final;
    uint32_t key;
};
/* Final octets of CSI and SS3 sequences that take modifiers as second parameter. */
static const struct final_key final_keys[] = {
    {'A', KEY_UP_CODE},   {'B', KEY_DOWN_CODE}, {'C', KEY_RIGHT_CODE}, {'D', KEY_LEFT_CODE},
    {'H', KEY_HOME_CODE}, {'F', KEY_END_CODE},  {'P', KEY_FN(1)},      {'Q', KEY_FN(2)},
    {'R', KEY_FN(3)},     {'S', KEY_FN(4)},     {'M', KEY_ENTER_CODE},
};
struct tilde_key {
    unsigned number;
    uint32_t key;
};
/* ESC [ NUMBER ~ */
static const struct tilde_key tilde_keys[] = {
    {1, KEY_HOME_CODE},    {2, KEY_INSERT_CODE}, {3, KEY_DELETE_CODE}, {4, KEY_END_CODE},
    {5, KEY_PGUP_CODE},    {6, KEY_PGDN_CODE},   {7, KEY_HOME_CODE},   {8, KEY_END_CODE},
    {11, KEY_FN(1)},       {12, KEY_FN(2)},      {13, KEY_FN(3)},      {14, KEY_FN(4)},
    {15, KEY_FN(5)},       {17, KEY_FN(6)},      {18, KEY_FN(7)},      {19, KEY_FN(8)},
    {20, KEY_FN(9)},       {21, KEY_FN(10)},     {23, KEY_FN(11)},     {24, KEY_FN(12)},
    {9977, KEY_SYNC_CODE},
};

void input_init(struct input *in, input_fn fn, void *ctx)
{
    memset(in, 0, sizeof *in);
    in->fn = fn;
    in->ctx = ctx;
    buf_init(&in->paste, INPUT_PASTE_MAX_OCTETS + sizeof paste_end);
}

void input_deinit(struct input *in)
{
    buf_deinit(&in->paste);
}

static void restart(struct input *in, int state)
{
    in->state = state;
    in->seq_len = 0;
}

static void emit(struct input *in, uint32_t key)
{
    uint8_t octets[sizeof in->seq];
    size_t n_octets = in->seq_len;
    memcpy(octets, in->seq, n_octets);
    restart(in, STATE_GROUND);
    in->fn(in->ctx, &(struct input_unit){
                        .kind = INPUT_KEY, .key = key, .octets = slice_of(octets, n_octets)});
}

/* One octet or character without ESC before it. */
static uint32_t plain_key(struct slice octets)
{
    uint32_t cp;
    uint8_t octet = octets.ptr[0];
    if (octet == '\r' || octet == '\n')
        return KEY_ENTER_CODE;
    if (octet == '\t')
        return KEY_TAB_CODE;
    if (octet == 0x7F || octet == 0x08)
        return KEY_BACKSPACE_CODE;
    if (octet == 0x1B)
        return KEY_ESC_CODE;
    if (octet == 0)
        return KEY_CTRL(' ');
    if (octet < 0x1B)
        return KEY_CTRL('a' + octet - 1);
    if (octet < 0x20)
        return KEY_CTRL('@' + octet);
    return utf8_decode(octets, &cp) == octets.len ? cp : (uint32_t)KEY_UNKNOWN_CODE;
}

/* seq is a character, or ESC and a character. */
static void emit_char(struct input *in)
{
    bool alt = in->seq[0] == 0x1B && in->seq_len > 1;
    uint32_t key = plain_key(slice_of(in->seq + alt, in->seq_len - alt));
    emit(in, alt && key != KEY_UNKNOWN_CODE ? KEY_ALT(key) : key);
}

/* Parameters of a control sequence, at most 4; what is missing is 0. */
static void read_params(const struct input *in, unsigned params[4])
{
    size_t n = 0;
    memset(params, 0, 4 * sizeof params[0]);
    for (size_t i = 2; i < in->seq_len && n < 4; i++) {
        uint8_t c = in->seq[i];
        if (c >= '0' && c <= '9') {
            if (params[n] < 100000)
                params[n] = params[n] * 10 + (unsigned)(c - '0');
        } else if (c == ';' || c == ':') {
            n++;
        }
    }
}

/* xterm: 1 + Shift 1, Alt 2, Ctrl 4. */
static uint32_t modifiers(unsigned param)
{
    unsigned bits = param > 0 ? param - 1 : 0;
    return (bits & 1 ? KEY_SHIFT_BIT : 0u) | (bits & 2 ? KEY_ALT_BIT : 0u) |
           (bits & 4 ? KEY_CTRL_BIT : 0u);
}

static void emit_mouse(struct input *in, const unsigned params[4], bool press)
{
    struct input_unit unit = {.kind = INPUT_MOUSE,
                              .button = params[0],
                              .col = params[1] > 0 ? params[1] - 1 : 0,
                              .row = params[2] > 0 ? params[2] - 1 : 0,
                              .press = press};
    restart(in, STATE_GROUND);
    in->fn(in->ctx, &unit);
}

static uint32_t tilde_key(const unsigned params[4])
{
    for (size_t i = 0; i < sizeof tilde_keys / sizeof tilde_keys[0]; i++)
        if (tilde_keys[i].number == params[0])
            return tilde_keys[i].key | modifiers(params[1]);
    return KEY_UNKNOWN_CODE;
}

static uint32_t final_key(char final, const unsigned params[4])
{
    for (size_t i = 0; i < sizeof final_keys / sizeof final_keys[0]; i++)
        if (final_keys[i].final == final)
            return final_keys[i].key | modifiers(params[1]);
    return KEY_UNKNOWN_CODE;
}

/* A CSI sequence is complete: its last octet is the final one. */
static void csi_done(struct input *in)
{
    unsigned params[4];
    char final = (char)in->seq[in->seq_len - 1];
    char first = (char)in->seq[2];
    read_params(in, params);
    if (first == '<' && (final == 'M' || final == 'm')) {
        emit_mouse(in, params, final == 'M');
    } else if (final == '~' && params[0] == 200 && in->seq_len == 6) {
        restart(in, STATE_PASTE);
        buf_reset(&in->paste);
        in->paste_cut = false;
    } else if (final == '~' && params[0] == 201) {
        restart(in, STATE_GROUND); /* the end of a paste that never began */
    } else if (final == '~') {
        emit(in, tilde_key(params));
    } else if (final == 'I' && in->seq_len == 3) {
        emit(in, KEY_FOCUS_IN_CODE);
    } else if (final == 'O' && in->seq_len == 3) {
        emit(in, KEY_FOCUS_OUT_CODE);
    } else if (final == 'Z') {
        emit(in, KEY_TAB_CODE | KEY_SHIFT_BIT);
    } else if (final == 'M' && in->seq_len == 3) {
        in->state = STATE_CSI_X10;
    } else if (first == '?' || first == '>' || final == 'c' || final == 'n' || final == 'R') {
        /* A terminal's answer. ESC [ 1 ; 5 R is Ctrl-F3 of old terminals and a cursor report of
         * all: the report is more likely, and the key has other spellings. */
        restart(in, STATE_GROUND);
    } else {
        emit(in, final_key(final, params));
    }
}

static void take_csi(struct input *in, uint8_t octet)
{
    if (in->seq_len == 3 && octet == '[') {
        in->state = STATE_CSI_LINUX;
    } else if (octet >= 0x40 && octet <= 0x7E) {
        csi_done(in);
    } else if (octet < 0x20 || octet >= 0x7F) {
        /* Not part of any sequence: what there was is dropped, this octet counts. */
        restart(in, STATE_GROUND);
        input_feed(in, slice_of(&octet, 1));
    } else if (in->seq_len == sizeof in->seq) {
        restart(in, STATE_GROUND);
    }
}

static void take_esc(struct input *in, uint8_t octet)
{
    switch (octet) {
    case '[':
        in->state = STATE_CSI;
        break;
    case 'O':
        in->state = STATE_SS3;
        break;
    case ']':
    case 'P':
    case '_':
    case '^':
    case 'X':
        in->state = STATE_STRING;
        in->string_octets = 0;
        break;
    case 0x1B: /* Esc, then something that begins with ESC */
        in->seq_len = 1;
        emit(in, KEY_ESC_CODE);
        in->seq[in->seq_len++] = 0x1B;
        in->state = STATE_ESC;
        break;
    default:
        if (octet >= 0xC2 && octet <= 0xF4) {
            in->utf8_left = octet < 0xE0 ? 1 : octet < 0xF0 ? 2 : 3;
            in->state = STATE_UTF8;
        } else {
            emit_char(in);
        }
    }
}

static void take_ground(struct input *in, uint8_t octet)
{
    if (octet == 0x1B) {
        in->state = STATE_ESC;
    } else if (octet >= 0xC2 && octet <= 0xF4) {
        in->utf8_left = octet < 0xE0 ? 1 : octet < 0xF0 ? 2 : 3;
        in->state = STATE_UTF8;
    } else {
        emit_char(in);
    }
}

static void take_utf8(struct input *in, uint8_t octet)
{
    if ((octet & 0xC0) != 0x80) {
        /* Broken off: the piece is one unit, this octet begins the next. */
        in->seq_len--;
        emit(in, KEY_UNKNOWN_CODE);
        input_feed(in, slice_of(&octet, 1));
    } else if (--in->utf8_left == 0) {
        emit_char(in);
    }
}

static void take_ss3(struct input *in, uint8_t octet)
{
    unsigned params[4] = {0};
    if (octet < 0x20 || octet >= 0x7F) {
        in->seq_len--;
        emit(in, KEY_ALT('O'));
        input_feed(in, slice_of(&octet, 1));
        return;
    }
    if (octet >= '0' && octet <= '9' &&
        in->seq_len == 3) { /* ESC O 5 A: modifiers of old terminals */
        return;
    }
    if (in->seq_len == 4)
        params[1] = (unsigned)(in->seq[2] - '0');
    emit(in, final_key((char)octet, params));
}

static void take_linux(struct input *in, uint8_t octet)
{
    emit(in, octet >= 'A' && octet <= 'E' ? KEY_FN(1u + octet - 'A') : (uint32_t)KEY_UNKNOWN_CODE);
}

static void take_string(struct input *in, uint8_t octet)
{
    in->seq_len = 0;
    bool after_esc = in->state == STATE_STRING_ESC;
    in->state = STATE_STRING;
    if (octet == 0x07 || octet == 0x18 || octet == 0x1A || (after_esc && octet == '\\') ||
        ++in->string_octets > INPUT_STRING_MAX_OCTETS)
        restart(in, STATE_GROUND);
    else if (octet == 0x1B)
        in->state = STATE_STRING_ESC;
}

/* CR LF and CR are line ends of a terminal's paste; LF is ours. */
static void paste_normalise(struct buf *b)
{
    size_t to = 0;
    uint8_t before = 0; /* as it came: writing goes over what was read */
    for (size_t from = 0; from < b->len; from++) {
        uint8_t octet = b->ptr[from];
        if (octet != '\n' || before != '\r')
            b->ptr[to++] = octet == '\r' ? '\n' : octet;
        before = octet;
    }
    b->len = to;
}

static void paste_done(struct input *in)
{
    restart(in, STATE_GROUND);
    paste_normalise(&in->paste);
    struct slice text = buf_slice(&in->paste);
    in->fn(in->ctx,
           &(struct input_unit){.kind = INPUT_PASTE,
                                .octets = slice_take(text, INPUT_PASTE_MAX_OCTETS),
                                .cut = in->paste_cut || text.len > INPUT_PASTE_MAX_OCTETS});
    buf_release(&in->paste);
}

static void take_paste(struct input *in, uint8_t octet)
{
    size_t n_end = sizeof paste_end - 1;
    in->seq_len = 0;
    if (!buf_append_octet(&in->paste, octet)) {
        /* Over the limit: the tail is kept as a window in which the end is looked for. */
        in->paste_cut = true;
        memmove(in->paste.ptr + in->paste.len - n_end, in->paste.ptr + in->paste.len - n_end + 1,
                n_end - 1);
        in->paste.ptr[in->paste.len - 1] = octet;
    }
    if (in->paste.len >= n_end &&
        memcmp(in->paste.ptr + in->paste.len - n_end, paste_end, n_end) == 0) {
        in->paste.len -= n_end;
        paste_done(in);
    }
}

static void take(struct input *in, uint8_t octet)
{
    if (in->seq_len == sizeof in->seq)
        restart(in, STATE_GROUND);
    in->seq[in->seq_len++] = octet;
    switch (in->state) {
    case STATE_UTF8:
        take_utf8(in, octet);
        break;
    case STATE_ESC:
        take_esc(in, octet);
        break;
    case STATE_CSI:
        take_csi(in, octet);
        break;
    case STATE_CSI_LINUX:
        take_linux(in, octet);
        break;
    case STATE_CSI_X10:
        if (in->seq_len == 6)
            restart(in, STATE_GROUND);
        break;
    case STATE_SS3:
        take_ss3(in, octet);
        break;
    case STATE_STRING:
    case STATE_STRING_ESC:
        take_string(in, octet);
        break;
    case STATE_PASTE:
        take_paste(in, octet);
        break;
    default:
        take_ground(in, octet);
    }
}

void input_feed(struct input *in, struct slice octets)
{
    for (size_t i = 0; i < octets.len; i++)
        take(in, octets.ptr[i]);
}

unsigned input_wait_ms(const struct input *in)
{
    switch (in->state) {
    case STATE_GROUND:
        return 0;
    case STATE_ESC:
        return INPUT_ESC_WAIT_MS;
    case STATE_PASTE:
    case STATE_STRING:
    case STATE_STRING_ESC:
        return INPUT_PASTE_WAIT_MS;
    default:
        return INPUT_SEQ_WAIT_MS;
    }
}

void input_timeout(struct input *in)
{
    switch (in->state) {
    case STATE_GROUND:
        break;
    case STATE_ESC:
        emit(in, KEY_ESC_CODE);
        break;
    case STATE_SS3: /* Alt-O and Alt-[ are keys where nothing follows */
        emit(in, in->seq_len == 2 ? KEY_ALT('O') : (uint32_t)KEY_UNKNOWN_CODE);
        break;
    case STATE_CSI:
        emit(in, in->seq_len == 2 ? KEY_ALT('[') : (uint32_t)KEY_UNKNOWN_CODE);
        break;
    case STATE_PASTE:
        paste_done(in);
        break;
    default:
        restart(in, STATE_GROUND);
    }
}
