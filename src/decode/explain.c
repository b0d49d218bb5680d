/* What a reply means and what to do next. The meanings are the grammar's tables (smtp/tables.h);
 * here stand the next steps: the most specific row that fits is said. */
#include "decode/explain.h"

#include <limits.h>
#include <string.h>

#include "decode/tls.h"
#include "journal/event.h"
#include "smtp/reply.h"
#include "smtp/tables.h"

/* ---- next steps ---- */

struct next_step {
    unsigned code;          /* 0: any of the class below */
    unsigned klass;         /* first digit; used where code is 0 */
    enum smtp_verb answers; /* UNKNOWN: any */
    const char *who;        /* NULL: of the enhanced code or the class */
    const char *next;
};

/* First that fits: rows for one code and verb before rows for a code, these before those of a
 * class. */
static const struct next_step steps[] = {
    {220, 0, SMTP_VERB_STARTTLS, "nobody", "Start the TLS handshake now, then say EHLO again."},
    {220, 0, SMTP_VERB_UNKNOWN, "nobody", "Say EHLO with your name."},
    {221, 0, SMTP_VERB_UNKNOWN, "nobody", "Nothing: the server closes the connection."},
    {235, 0, SMTP_VERB_UNKNOWN, "nobody", "Go on with MAIL FROM."},
    {250, 0, SMTP_VERB_EHLO, "nobody",
     "STARTTLS if it is offered and TLS is not on, then AUTH if it is needed, then MAIL FROM."},
    {250, 0, SMTP_VERB_HELO, "nobody", "Go on with MAIL FROM; extensions need EHLO."},
    {250, 0, SMTP_VERB_MAIL, "nobody", "Name the recipients with RCPT TO."},
    {250, 0, SMTP_VERB_RCPT, "nobody", "More recipients with RCPT TO, or DATA."},
    {250, 0, SMTP_VERB_DOT, "nobody",
     "The server has the message and answers for it. Another MAIL FROM, or QUIT."},
    {251, 0, SMTP_VERB_UNKNOWN, "nobody",
     "It will be forwarded; note the new address, then go on."},
    {252, 0, SMTP_VERB_UNKNOWN, "nobody",
     "The server does not say whether the address exists; only RCPT TO will tell."},
    {334, 0, SMTP_VERB_UNKNOWN, "you", "Answer with the next base64 line, or * to give up."},
    {354, 0, SMTP_VERB_UNKNOWN, "you",
     "Send the message (header, empty line, body) and end with a line that is a single dot."},
    {421, 0, SMTP_VERB_UNKNOWN, "receiving admin",
     "The server closes now. Connect again later; if it stays, you may be over a limit."},
    {432, 0, SMTP_VERB_UNKNOWN, "you", "Change the password as the provider asks, then try again."},
    {450, 0, SMTP_VERB_RCPT, "wait/retry",
     "Try again in 5 to 15 minutes with the same sender, recipient and host: often greylisting."},
    {451, 0, SMTP_VERB_UNKNOWN, "receiving admin",
     "Try again later; the server had trouble of its own, or greylists."},
    {452, 0, SMTP_VERB_RCPT, "wait/retry",
     "Send to the recipients accepted so far, then the rest in another transaction."},
    {452, 0, SMTP_VERB_UNKNOWN, "receiving admin",
     "Try again later: the server is short of space."},
    {454, 0, SMTP_VERB_STARTTLS, "receiving admin",
     "Try again later; without TLS nothing secret should be sent."},
    {454, 0, SMTP_VERB_UNKNOWN, "receiving admin", "Try to log in again later."},
    {455, 0, SMTP_VERB_UNKNOWN, "sending software", "Try again without the parameters."},
    {500, 0, SMTP_VERB_EHLO, "sending software", "An old server: say HELO instead."},
    {500, 0, SMTP_VERB_UNKNOWN, "sending software",
     "Look at the command as it was sent: misspelt, too long, or not known there."},
    {501, 0, SMTP_VERB_AUTH_DATA, "you", "Begin AUTH again; the line was not what was expected."},
    {501, 0, SMTP_VERB_UNKNOWN, "sending software",
     "Look at the arguments: brackets around addresses, no space after the colon."},
    {502, 0, SMTP_VERB_EHLO, "sending software", "An old server: say HELO instead."},
    {502, 0, SMTP_VERB_UNKNOWN, "nobody", "This server does not have the command; do without it."},
    {503, 0, SMTP_VERB_UNKNOWN, "sending software",
     "Send the commands in order: EHLO, MAIL FROM, RCPT TO, DATA. RSET begins anew."},
    {504, 0, SMTP_VERB_UNKNOWN, "sending software",
     "Choose another parameter or mechanism; EHLO says what is offered."},
    {521, 0, SMTP_VERB_UNKNOWN, "receiving admin",
     "This host takes no mail. Look up the MX of the domain."},
    {523, 0, SMTP_VERB_UNKNOWN, "sender", "Make the message smaller."},
    {530, 0, SMTP_VERB_UNKNOWN, "you",
     "Log in first (AUTH), or start TLS first (STARTTLS): the text says which."},
    {534, 0, SMTP_VERB_UNKNOWN, "you", "Choose a stronger mechanism."},
    {535, 0, SMTP_VERB_UNKNOWN, "you",
     "Check user name and password; many providers want an application password or a token."},
    {538, 0, SMTP_VERB_UNKNOWN, "you", "Start TLS first, then log in."},
    {550, 0, SMTP_VERB_RCPT, "sender",
     "Check the address; if it is right, the server refuses you: the text says why."},
    {550, 0, SMTP_VERB_DOT, "sender",
     "The message itself was refused; the text says by which policy. Change it before trying "
     "again."},
    {550, 0, SMTP_VERB_UNKNOWN, NULL,
     "Read the text: it says what is refused. Trying again as is will not help."},
    {551, 0, SMTP_VERB_UNKNOWN, "sender", "Use the address the text names."},
    {552, 0, SMTP_VERB_UNKNOWN, "sender", "Make the message smaller, or the mailbox is full."},
    {553, 0, SMTP_VERB_UNKNOWN, "sender",
     "Check how the address is written, and that you may use this sender."},
    {554, 0, SMTP_VERB_CONNECT, "receiving admin",
     "The server refuses you altogether: check whether your address is on a block list, then "
     "QUIT."},
    {554, 0, SMTP_VERB_UNKNOWN, NULL,
     "Read the text: it names the policy. Trying again as is will not help."},
    {555, 0, SMTP_VERB_UNKNOWN, "sending software",
     "Leave out the parameters; EHLO says which the server knows."},
    {556, 0, SMTP_VERB_UNKNOWN, "sender",
     "That domain takes no mail (null MX): check the address."},
    {0, 2, SMTP_VERB_UNKNOWN, "nobody", "Go on."},
    {0, 3, SMTP_VERB_UNKNOWN, "you", "Send what the server waits for."},
    {0, 4, SMTP_VERB_UNKNOWN, "wait/retry", "Try the same again later."},
    {0, 5, SMTP_VERB_UNKNOWN, "sender or admin",
     "Change something before trying again; as it is, it will be refused again."},
};

/* What a yes means depends on the question: "250" alone, or its 2.1.0, says little. */
static const struct {
    unsigned code;
    enum smtp_verb answers;
    const char *meaning;
} dones[] = {
    {220, SMTP_VERB_CONNECT, "Greeting: the server is ready."},
    {220, SMTP_VERB_STARTTLS, "The server is ready for the TLS handshake."},
    {250, SMTP_VERB_EHLO, "The server took the name and told what it offers."},
    {250, SMTP_VERB_LHLO, "The server took the name and told what it offers."},
    {250, SMTP_VERB_HELO, "The server took the name; after HELO it offers no extensions."},
    {250, SMTP_VERB_MAIL, "The reverse-path is accepted; a message begins."},
    {250, SMTP_VERB_RCPT, "This recipient is accepted; the content may still be refused."},
    {250, SMTP_VERB_DOT,
     "The server has taken responsibility for the message. It need not be in the mailbox yet."},
    {250, SMTP_VERB_BDAT, "The chunk is taken; behind the last one: the whole message."},
    {250, SMTP_VERB_RSET, "The envelope is dropped; the session goes on."},
    {250, SMTP_VERB_NOOP, "The server is there."},
};

static const char *done_meaning(unsigned code, enum smtp_verb answers)
{
    for (size_t i = 0; i < sizeof(dones) / sizeof(*dones); i++)
        if (dones[i].code == code && dones[i].answers == answers)
            return dones[i].meaning;
    return NULL;
}

static const struct next_step no_step = {
    0, 0, SMTP_VERB_UNKNOWN, "receiving admin",
    "No reply code could be read: look at the raw line; the other side may not speak SMTP."};

/* By enhanced code, where the basic code's step would say less. Subject and detail. */
static const struct {
    unsigned klass, subject, detail;
    const char *next;
} enhanced_steps[] = {
    {5, 1, 1, "Check the spelling of the address: the server knows no such mailbox."},
    {5, 1, 2, "Check the domain of the address: it cannot be reached."},
    {5, 1, 8, "The sender's domain must exist in DNS: check MX and A of the domain in MAIL FROM."},
    {5, 1, 10, "That domain takes no mail (null MX): check the address."},
    {4, 2, 2, "The mailbox is full: try later, or tell the recipient by another way."},
    {5, 2, 2, "The mailbox is full: tell the recipient by another way."},
    {5, 2, 1, "The mailbox is switched off: ask the recipient for another address."},
    {5, 2, 3, "Make the message smaller: SIZE of EHLO says the limit."},
    {5, 3, 4, "Make the message smaller: SIZE of EHLO says the limit."},
    {4, 3, 1, "The server is short of space: try again later."},
    {5, 4, 6, "Mail runs in a circle: check MX records and forwardings."},
    {4, 4, 5, "The server is busy: try again later, more slowly."},
    {4, 5, 3, "Send to the recipients accepted so far, then the rest in another transaction."},
    {5, 5, 3, "Send to fewer recipients in one transaction."},
    {5, 6, 7,
     "The server does not take addresses beyond ASCII: use an ASCII address (no SMTPUTF8)."},
    {4, 7, 0, "Try again later; a policy holds you back for now."},
    {4, 7, 1,
     "Try again in 5 to 15 minutes with the same sender, recipient and host: often greylisting or "
     "a limit of speed."},
    {5, 7, 1,
     "The server's policy refuses you: relaying needs AUTH, or you are on a block list; the text "
     "says which."},
    {5, 7, 8,
     "Check user name and password; many providers want an application password or a token."},
    {5, 7, 9, "Choose a stronger mechanism."},
    {5, 7, 10, "Start TLS first, then try again."},
    {5, 7, 11, "Start TLS first, then log in."},
    {5, 7, 12, "Change the password as the provider asks, then try again."},
    {5, 7, 23,
     "The SPF record of the sender's domain does not name this host: add it, or send through the "
     "domain's servers."},
    {5, 7, 25, "Your address needs a PTR record that points to a name which points back."},
    {5, 7, 26,
     "SPF, DKIM or DMARC failed: check the records of the sender's domain and sign the message."},
    {4, 7, 26,
     "SPF, DKIM or DMARC failed: check the records of the sender's domain and sign the message."},
    {5, 7, 28, "Too much mail at once: slow down and try later."},
};

static const struct next_step *step_for(unsigned code, enum smtp_verb answers)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        const struct next_step *s = &steps[i];
        if ((s->code ? s->code == code : s->klass == code / 100) &&
            (s->answers == SMTP_VERB_UNKNOWN || s->answers == answers))
            return s;
    }
    return &no_step;
}

static const char *enhanced_next(const unsigned e[3])
{
    for (size_t i = 0; i < sizeof(enhanced_steps) / sizeof(*enhanced_steps); i++) {
        if (enhanced_steps[i].klass == e[0] && enhanced_steps[i].subject == e[1] &&
            enhanced_steps[i].detail == e[2])
            return enhanced_steps[i].next;
    }
    return NULL;
}

/* "?" and "-" in the table: nobody knows. */
static bool says_who(const char *who)
{
    return who && who[0] != '\0' && who[0] != '?' && who[0] != '-';
}

static const char *class_meaning(unsigned code)
{
    const char *meaning = code >= 200 && code <= 599 ? smtp_code_class_meaning(code) : NULL;
    return meaning ? meaning : "no reply code of SMTP: codes are three digits, 2 to 5 first";
}

/* ---- who ---- */

static const char *const party_names[] = {
    [EXPLAIN_NOBODY] = "nobody",
    [EXPLAIN_WAIT] = "wait",
    [EXPLAIN_YOU] = "you",
    [EXPLAIN_RECIPIENT] = "recipient",
    [EXPLAIN_YOUR_ADMIN] = "your admin",
    [EXPLAIN_THEIR_ADMIN] = "their admin",
};

const char *explain_party_name(enum explain_party party)
{
    return party < EXPLAIN_PARTY__COUNT ? party_names[party] : "you";
}

/* The registry's words for who can act, as one of six. */
static const struct {
    const char *who;
    enum explain_party party, transient; /* transient: in a 4yz reply */
} parties[] = {
    {"nobody", EXPLAIN_NOBODY, EXPLAIN_NOBODY},
    {"you", EXPLAIN_YOU, EXPLAIN_YOU},
    {"sender", EXPLAIN_YOU, EXPLAIN_YOU},
    {"sending software", EXPLAIN_YOU, EXPLAIN_YOU},
    {"sender or admin", EXPLAIN_YOU, EXPLAIN_WAIT},
    {"sender and receiver", EXPLAIN_YOU, EXPLAIN_YOU},
    {"sender or receiving admin", EXPLAIN_YOU, EXPLAIN_WAIT},
    {"wait/retry", EXPLAIN_WAIT, EXPLAIN_WAIT},
    {"recipient", EXPLAIN_RECIPIENT, EXPLAIN_RECIPIENT},
    {"recipient or wait", EXPLAIN_RECIPIENT, EXPLAIN_WAIT},
    {"sending admin", EXPLAIN_YOUR_ADMIN, EXPLAIN_YOUR_ADMIN},
    {"receiving admin", EXPLAIN_THEIR_ADMIN, EXPLAIN_WAIT},
    {"forwarding admin", EXPLAIN_THEIR_ADMIN, EXPLAIN_THEIR_ADMIN},
    {"network/admin", EXPLAIN_THEIR_ADMIN, EXPLAIN_WAIT},
    {"admin", EXPLAIN_THEIR_ADMIN, EXPLAIN_THEIR_ADMIN},
};

static enum explain_party party_of(const char *who, unsigned klass)
{
    for (size_t i = 0; i < sizeof(parties) / sizeof(*parties); i++)
        if (strcmp(who, parties[i].who) == 0)
            return klass == 4 ? parties[i].transient : parties[i].party;
    return klass == 4 ? EXPLAIN_WAIT : EXPLAIN_YOU;
}

/* ---- one reply ---- */

/* The most specific layer in one voice. An X.0.0 names no subject and no detail: the basic code
 * says more. */
static void summarize(struct explanation *out, unsigned klass, bool class_only)
{
    bool by_enhanced = out->enhanced_meaning && !(class_only && out->code_meaning);
    out->who = out->who ? out->who : "sender or admin";
    out->party = party_of(out->who, klass);
    out->meaning = out->done_meaning   ? out->done_meaning
                   : by_enhanced       ? out->enhanced_meaning
                   : out->code_meaning ? out->code_meaning
                                       : out->class_meaning;
    out->source = by_enhanced && !out->done_meaning && out->enhanced_rfc ? out->enhanced_rfc
                  : out->code_meaning && out->code_rfc                   ? out->code_rfc
                                                                         : out->class_rfc;
}

static void add_subject(const unsigned e[3], const struct smtp_enhanced_info *info,
                        struct explanation *out)
{
    const unsigned subject[3] = {e[0], e[1], UINT_MAX};
    const struct smtp_enhanced_info *row = smtp_enhanced_info(subject);
    if (!row || row == info)
        return;
    out->subject_name = row->name;
    out->subject_meaning = row->meaning;
}

void explain_reply(unsigned code, const char *enhanced, enum smtp_verb answers,
                   struct explanation *out)
{
    const struct smtp_code_info *basic = smtp_code_info(code);
    const struct next_step *step = step_for(code, answers);
    unsigned e[3];
    memset(out, 0, sizeof(*out));
    out->done_meaning = done_meaning(code, answers);
    out->class_meaning = class_meaning(code);
    out->class_rfc = "RFC 5321 section 4.2.1";
    if (basic) {
        out->code_meaning = basic->meaning;
        out->code_rfc = basic->rfc;
    }
    out->who = step->who;
    out->next = step->next;
    if (!enhanced || smtp_enhanced_parse(slice_cstr(enhanced), e) == 0) {
        summarize(out, code / 100, false);
        return;
    }
    const struct smtp_enhanced_info *info = smtp_enhanced_info(e);
    add_subject(e, info, out);
    if (info) {
        out->enhanced_name = info->name;
        out->enhanced_meaning = info->meaning;
        out->enhanced_rfc = info->rfc;
    }
    /* Refusals: the enhanced code knows better whose turn it is. */
    if (code >= 400 && e[0] != 2) {
        const struct smtp_enhanced_info *of_class = smtp_enhanced_class_info(e[0]);
        const char *next = enhanced_next(e);
        out->next = next ? next : out->next;
        if (info && says_who(info->who_can_fix))
            out->who = info->who_can_fix;
        else if (!out->who && of_class && says_who(of_class->who_can_fix))
            out->who = of_class->who_can_fix;
    }
    /* Of a yes X.1.0 says no more than which kind of thing it is about. */
    summarize(out, code / 100, e[2] == 0 && (e[1] == 0 || code < 400));
}

/* ---- TLS and connections ---- */

struct alert_info {
    const char *number, *name, *meaning, *look_at, *rfc;
};
static const struct alert_info alerts[] = {
#include "decode/tls-alerts.inc"
};

const char *explain_tls_alert(unsigned number, const char **name_out)
{
    for (size_t i = 0; i < sizeof(alerts) / sizeof(*alerts); i++) {
        uint64_t n;
        if (slice_to_u64(slice_cstr(alerts[i].number), 255, &n) && n == number) {
            if (name_out)
                *name_out = alerts[i].name;
            return alerts[i].meaning;
        }
    }
    if (name_out)
        *name_out = NULL;
    return "an alert this version does not know";
}

const char *explain_tls_message(unsigned content_type, unsigned msg_type)
{
    /* RFC 8446 section 4, and what TLS 1.2 has besides (RFC 5246 section 7.4). */
    static const char *const handshake[] = {
        [0] = "HelloRequest",
        [1] = "ClientHello",
        [2] = "ServerHello",
        [4] = "NewSessionTicket",
        [5] = "EndOfEarlyData",
        [8] = "EncryptedExtensions",
        [11] = "Certificate",
        [12] = "ServerKeyExchange",
        [13] = "CertificateRequest",
        [14] = "ServerHelloDone",
        [15] = "CertificateVerify",
        [16] = "ClientKeyExchange",
        [20] = "Finished",
        [21] = "CertificateURL",
        [22] = "CertificateStatus",
        [24] = "KeyUpdate",
        [25] = "CompressedCertificate",
    };
    if (content_type == 20)
        return "ChangeCipherSpec";
    if (content_type == 21)
        return "Alert";
    if (content_type != 22)
        return "a record of unknown type";
    const char *name =
        msg_type < sizeof(handshake) / sizeof(*handshake) ? handshake[msg_type] : NULL;
    return name ? name : msg_type == 254U ? "MessageHash" : "a handshake message of unknown type";
}

const char *explain_verify(const char *reason)
{
    const struct tls_verify_info *info = tls_verify_info(reason);
    return info ? info->meaning
                : "The certificate could not be verified; the library's words say why. Do not "
                  "send secrets.";
}

const char *explain_down(unsigned down_why)
{
    static const char *const texts[DOWN__COUNT] = {
        [DOWN_EOF] = "The other side closed in order.",
        [DOWN_RESET] = "The other side, or something between, cut the connection without a word: a "
                       "crash, a firewall, or a server that refuses you.",
        [DOWN_OURS] = "We closed in order.",
        [DOWN_ABORT] = "We cut the connection.",
        [DOWN_REFUSED] = "The host is there and nothing listens at that port: check the port, and "
                         "that the server runs.",
        [DOWN_UNREACHED] =
            "No way leads there: check the name, the network and the address family.",
        [DOWN_TIMEOUT] =
            "Nothing came in time: a firewall that drops packets, a wrong address, or a "
            "server that hangs.",
        [DOWN_TLS] =
            "TLS failed and the connection is of no further use: look at the TLS lines above.",
        [DOWN_ERROR] = "The system reported an error on the connection.",
    };
    return down_why < DOWN__COUNT ? texts[down_why] : "The connection is gone.";
}
