/* What a reply means, who must act and what to do next: from the knowledge tables, most specific
 * first: a provider's wording, the enhanced status code, its subject, the basic code, the class.
 *
 * A provider's row is believed where the server is known to be theirs (banner, host name, a sign in
 * the text; decode/server.h). Where only another provider's row fits, it is told as that: "X uses
 * this wording", and what to do stays with the codes.
 */
#ifndef DECODE_EXPLAIN_H
#define DECODE_EXPLAIN_H

#include "base/buf.h"
#include "smtp/verb.h"

/* Who must act. */
enum explain_party {
    EXPLAIN_NOBODY,
    EXPLAIN_WAIT, /* time: try again later */
    EXPLAIN_YOU,  /* whoever wrote or sends this message, with this program */
    EXPLAIN_RECIPIENT,
    EXPLAIN_YOUR_ADMIN,  /* of the sending host and domain: DNS, addresses, software */
    EXPLAIN_THEIR_ADMIN, /* of the receiving side */
    EXPLAIN_PARTY__COUNT
};
const char *explain_party_name(enum explain_party party); /* "your admin" */

/* All strings are static. */
struct explanation {
    const char *class_meaning; /* of the first digit, or of the status; never NULL */
    const char *class_rfc;
    const char *code_meaning; /* basic code; NULL: unknown */
    const char *code_rfc;
    const char *done_meaning;  /* of a yes: what it means to the command; NULL: no, or not known */
    const char *enhanced_name; /* NULL: none or unknown */
    const char *enhanced_meaning;
    const char *enhanced_rfc;
    const char *who;  /* who must act; never NULL */
    const char *next; /* what to do next; never NULL */

    /* The same in one voice: the most specific layer that says something. Never NULL. */
    const char *meaning;
    const char *source;
    enum explain_party party;
    /* The subject of an enhanced code (X.7.X); NULL: none. */
    const char *subject_name;
    const char *subject_meaning;
    /* Wording, set by explain_reply_text only. NULL: no row of any provider fits. */
    const char *provider;      /* whose wording it is */
    const char *provider_also; /* of another one that words it the same; NULL: none */
    bool provider_sure;        /* the server is known to be theirs; else "X uses this wording" */
    const char *provider_meaning;
    const char *provider_next;
    const char *provider_source;
    enum explain_party provider_party;
};
void explain_reply(unsigned code, const char *enhanced, enum smtp_verb answers,
                   struct explanation *out);

/* A reply and what is known of who said it. Zero and NULL: unknown. Texts may be hostile; at most
 * 4096 octets of each are looked at. */
struct explain_input {
    unsigned code;        /* 0: read from text, where it begins with one */
    unsigned klass;       /* 2, 4, 5 where code is 0 and a log says no more; 0: unknown */
    const char *enhanced; /* "5.1.1"; NULL: read from text */
    enum smtp_verb answers;
    struct slice text;    /* one or all lines, with or without their codes */
    const char *banner;   /* greeting of the server, with or without its code */
    const char *host;     /* its name: asked for, said in the greeting, or the MX */
    const char *provider; /* named by a log or a person: a provider of the table */
    const char *protocol; /* "pop3", "imap": text is a status line of it (decode/status.h); NULL:
                             SMTP */
    const char *command;  /* POP3, IMAP: what it answers */
};
void explain_reply_text(const struct explain_input *in, struct explanation *out);
/* Code and enhanced code as explain_reply_text reads them. enhanced_out[0] 0: none. */
void explain_codes(const struct explain_input *in, unsigned *code_out, unsigned enhanced_out[3]);
/* Append the explanation as lines for a page or a terminal: safe UTF-8 (VIS_ASCII as in vis.h). */
void explain_print(const struct explain_input *in, const struct explanation *e, unsigned vis_flags,
                   struct buf *out);

/* The rows behind it, for tests and help. */
struct explain_wording {
    const char *provider;
    const char *code;     /* "550", "5xx", "any", "bounce" */
    const char *enhanced; /* "5.7.1", "4.7.500-699", "" */
    const char *match;    /* lower case; "*" stands for anything */
    const char *meaning;
    const char *next;
    const char *who; /* a name of enum explain_party */
    const char *source;
};
const struct explain_wording *explain_wording_at(size_t index); /* NULL at the end */

const char *explain_tls_alert(unsigned number, const char **name_out); /* meaning */
/* Name of a TLS message by TLS_MSG's numbers ("ClientHello"); never NULL. */
const char *explain_tls_message(unsigned content_type, unsigned msg_type);
const char *explain_verify(const char *reason); /* meaning and next step for a TLS_VERIFY reason */
const char *explain_down(unsigned down_why);

#endif
