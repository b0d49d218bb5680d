/* A stapled OCSP response (RFC 6960) as the inspector shows it: what it says, and when. Whether it
 * may be believed was judged when it came (TLS_OCSP.status); here it is only read, so that what a
 * response nobody vouches for claims can be told too. The octets come from a peer.
 */
#include "decode/view_private.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>

#include "base/mem.h"

enum { SINGLES_MAX = 64 }; /* looked through for the certificate; servers staple one */

static bool is_of(OCSP_SINGLERESP *single, const char *serial)
{
    ASN1_INTEGER *number = NULL;
    OCSP_CERTID *id = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);
    if (!serial || !OCSP_id_get0_info(NULL, NULL, NULL, &number, id))
        return false;
    char *text = view_serial_text(number);
    bool same = text && strcmp(text, serial) == 0;
    mem_free(text);
    return same;
}

static void read_basic(OCSP_BASICRESP *basic, const char *serial, struct view_ocsp *out)
{
    static const char *const says[] = {[V_OCSP_CERTSTATUS_GOOD] = "good",
                                       [V_OCSP_CERTSTATUS_REVOKED] = "revoked",
                                       [V_OCSP_CERTSTATUS_UNKNOWN] = "unknown"};
    ASN1_GENERALIZEDTIME *next = NULL;
    int chosen = 0, n = OCSP_resp_count(basic);
    out->produced_s = view_asn1_time_s(OCSP_resp_get0_produced_at(basic));
    for (int i = 0; i < n && i < SINGLES_MAX; i++) {
        if (is_of(OCSP_resp_get0(basic, i), serial)) {
            chosen = i;
            break;
        }
    }
    OCSP_SINGLERESP *single = n > 0 ? OCSP_resp_get0(basic, chosen) : NULL;
    if (!single)
        return;
    int status = OCSP_single_get0_status(single, NULL, NULL, NULL, &next);
    if (status >= 0 && (size_t)status < sizeof(says) / sizeof(*says))
        out->says = says[status];
    out->next_s = view_asn1_time_s(next);
}

void view_ocsp_decode(struct slice der, const char *serial, struct view_ocsp *out)
{
    const unsigned char *at = der.ptr;
    memset(out, 0, sizeof(*out));
    if (der.len == 0 || der.len > INT32_MAX)
        return;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
    OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
    if (basic)
        read_basic(basic, serial, out);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    /* What went wrong here must not be taken for a failure of a live connection later. */
    ERR_clear_error();
}
