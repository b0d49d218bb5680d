/* What no resolver is asked for: numeric addresses, localhost (RFC 6761 section 6.3), and the hosts
 * file.
 *
 * The hosts file is read anew for each question, as the C library does: people change it while they
 * look for an error. libunbound could read it as well, but its built-in empty zones ("test.") would
 * hide entries below them.
 */
#include "dns_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { HOSTS_LINE_OCTETS = 1024 };

static const uint8_t loopback_v6[16] = {[15] = 1};
static const uint8_t loopback_v4[4] = {127, 0, 0, 1};

static void add_if_type(struct dns_question *q, enum dns_type type, const void *octets)
{
    if (q->type == type)
        dns_question_add(q, 0, slice_of(octets, type == DNS_A ? 4 : 16));
}

/* The address in text form as a record where the question is for its family; false: no address. */
static bool add_numeric(struct dns_question *q, const char *text)
{
    uint8_t octets[16];
    if (inet_pton(AF_INET, text, octets) == 1)
        add_if_type(q, DNS_A, octets);
    else if (inet_pton(AF_INET6, text, octets) == 1)
        add_if_type(q, DNS_AAAA, octets);
    else
        return false;
    return true;
}

static bool is_localhost(const char *name)
{
    static const char word[] = "localhost";
    size_t octets = strlen(name), word_octets = sizeof(word) - 1;
    if (octets < word_octets || strcmp(name + octets - word_octets, word) != 0)
        return false;
    return octets == word_octets || name[octets - word_octets - 1] == '.';
}

bool dns_answer_numeric(struct dns_question *q)
{
    if (is_localhost(q->name)) {
        add_if_type(q, DNS_A, loopback_v4);
        add_if_type(q, DNS_AAAA, loopback_v6);
    } else if (!add_numeric(q, q->name)) {
        return false;
    }
    dns_question_settle_found(q, DNSSEC_UNKNOWN);
    return true;
}

/* Does a line "ADDRESS NAME [ALIAS...] [# comment]" speak of the question's name? Then its address
 * is added. */
static bool hosts_line(struct dns_question *q, struct slice line)
{
    ptrdiff_t comment = slice_find_octet(line, '#');
    struct slice rest = slice_trim(comment < 0 ? line : slice_take(line, (size_t)comment));
    struct slice address = slice_next_word(&rest);
    struct slice word = slice_next_word(&rest);
    char text[INET6_ADDRSTRLEN];
    if (address.len >= sizeof(text))
        return false;
    for (; word.len > 0; word = slice_next_word(&rest)) {
        if (word.ptr[word.len - 1] == '.')
            word.len--;
        if (!slice_eq_nocase(word, slice_cstr(q->name)))
            continue;
        memcpy(text, address.ptr, address.len);
        text[address.len] = '\0';
        return add_numeric(q, text);
    }
    return false;
}

bool dns_answer_hosts(struct dns_question *q, const char *hosts_path)
{
    char line[HOSTS_LINE_OCTETS];
    bool found = false, whole = true;
    FILE *f = q->type == DNS_A || q->type == DNS_AAAA ? fopen(hosts_path, "re") : NULL;
    if (f == NULL)
        return false;
    while (fgets(line, sizeof(line), f) != NULL) {
        struct slice s = slice_cstr(line);
        bool starts_line = whole; /* the tail of an over-long line is nothing */
        whole = s.len > 0 && s.ptr[s.len - 1] == '\n';
        if (starts_line && hosts_line(q, s))
            found = true;
    }
    fclose(f);
    if (found)
        dns_question_settle_found(q, DNSSEC_UNKNOWN);
    return found;
}
