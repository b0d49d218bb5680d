/* GMime for the files of this module, loaded when the first message is looked at.
 *
 * The library and the fifteen it brings along cost 5 ms and 3 MB at every start; most runs read no
 * message. So it is opened at run time, and the names below stand for pointers into it. Linked or
 * loaded, its headers are the same, and the compiler checks every call against them.
 */
#ifndef MAIL_PRIVATE_H
#define MAIL_PRIVATE_H

/* Its headers are not clean under our warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wundef"
#define G_DISABLE_CAST_CHECKS 1
#include <gmime/gmime.h>
#pragma GCC diagnostic pop

#include "base/slice.h"

/* Every function of the library that is called. */
#define MAIL_GMIME_FUNCTIONS(F)                                                                    \
    F(g_mime_init)                                                                                 \
    F(g_free)                                                                                      \
    F(g_object_unref)                                                                              \
    F(g_type_check_instance_is_a)                                                                  \
    F(g_mime_content_type_get_mime_type)                                                           \
    F(g_mime_content_type_get_parameter)                                                           \
    F(g_mime_data_wrapper_get_stream)                                                              \
    F(g_mime_data_wrapper_write_to_stream)                                                         \
    F(g_mime_iconv_close)                                                                          \
    F(g_mime_iconv_open)                                                                           \
    F(g_mime_message_get_mime_part)                                                                \
    F(g_mime_message_get_subject)                                                                  \
    F(g_mime_message_part_get_message)                                                             \
    F(g_mime_message_part_get_type)                                                                \
    F(g_mime_multipart_get_count)                                                                  \
    F(g_mime_multipart_get_part)                                                                   \
    F(g_mime_multipart_get_type)                                                                   \
    F(g_mime_object_get_content_disposition_parameter)                                             \
    F(g_mime_object_get_content_id)                                                                \
    F(g_mime_object_get_content_type)                                                              \
    F(g_mime_object_get_disposition)                                                               \
    F(g_mime_object_get_header)                                                                    \
    F(g_mime_parser_construct_message)                                                             \
    F(g_mime_parser_new_with_stream)                                                               \
    F(g_mime_parser_options_free)                                                                  \
    F(g_mime_parser_options_new)                                                                   \
    F(g_mime_parser_options_set_warning_callback)                                                  \
    F(g_mime_part_get_content)                                                                     \
    F(g_mime_part_get_type)                                                                        \
    F(g_mime_stream_length)                                                                        \
    F(g_mime_stream_mem_get_byte_array)                                                            \
    F(g_mime_stream_mem_new)                                                                       \
    F(g_mime_stream_mem_new_with_buffer)                                                           \
    F(g_mime_utils_header_decode_text)                                                             \
    F(internet_address_get_name)                                                                   \
    F(internet_address_group_get_members)                                                          \
    F(internet_address_group_get_type)                                                             \
    F(internet_address_list_get_address)                                                           \
    F(internet_address_list_length)                                                                \
    F(internet_address_list_parse)                                                                 \
    F(internet_address_mailbox_get_addr)                                                           \
    F(internet_address_mailbox_get_type)

struct mail_gmime {
#define F(name) __typeof__(&(name)) name##_at;
    MAIL_GMIME_FUNCTIONS(F)
#undef F
};
extern struct mail_gmime mail_gmime;

/* library.c defines the struct by these names before they change their meaning. */
#ifndef MAIL_LIBRARY_C
#define g_mime_init mail_gmime.g_mime_init_at
#undef g_free
#define g_free mail_gmime.g_free_at
#undef g_object_unref
#define g_object_unref                      mail_gmime.g_object_unref_at
#define g_type_check_instance_is_a          mail_gmime.g_type_check_instance_is_a_at
#define g_mime_content_type_get_mime_type   mail_gmime.g_mime_content_type_get_mime_type_at
#define g_mime_content_type_get_parameter   mail_gmime.g_mime_content_type_get_parameter_at
#define g_mime_data_wrapper_get_stream      mail_gmime.g_mime_data_wrapper_get_stream_at
#define g_mime_data_wrapper_write_to_stream mail_gmime.g_mime_data_wrapper_write_to_stream_at
#define g_mime_iconv_close                  mail_gmime.g_mime_iconv_close_at
#define g_mime_iconv_open                   mail_gmime.g_mime_iconv_open_at
#define g_mime_message_get_mime_part        mail_gmime.g_mime_message_get_mime_part_at
#define g_mime_message_get_subject          mail_gmime.g_mime_message_get_subject_at
#define g_mime_message_part_get_message     mail_gmime.g_mime_message_part_get_message_at
#define g_mime_message_part_get_type        mail_gmime.g_mime_message_part_get_type_at
#define g_mime_multipart_get_count          mail_gmime.g_mime_multipart_get_count_at
#define g_mime_multipart_get_part           mail_gmime.g_mime_multipart_get_part_at
#define g_mime_multipart_get_type           mail_gmime.g_mime_multipart_get_type_at
#define g_mime_object_get_content_disposition_parameter                                            \
    mail_gmime.g_mime_object_get_content_disposition_parameter_at
#define g_mime_object_get_content_id    mail_gmime.g_mime_object_get_content_id_at
#define g_mime_object_get_content_type  mail_gmime.g_mime_object_get_content_type_at
#define g_mime_object_get_disposition   mail_gmime.g_mime_object_get_disposition_at
#define g_mime_object_get_header        mail_gmime.g_mime_object_get_header_at
#define g_mime_parser_construct_message mail_gmime.g_mime_parser_construct_message_at
#define g_mime_parser_new_with_stream   mail_gmime.g_mime_parser_new_with_stream_at
#define g_mime_parser_options_free      mail_gmime.g_mime_parser_options_free_at
#define g_mime_parser_options_new       mail_gmime.g_mime_parser_options_new_at
#define g_mime_parser_options_set_warning_callback                                                 \
    mail_gmime.g_mime_parser_options_set_warning_callback_at
#define g_mime_part_get_content            mail_gmime.g_mime_part_get_content_at
#define g_mime_part_get_type               mail_gmime.g_mime_part_get_type_at
#define g_mime_stream_length               mail_gmime.g_mime_stream_length_at
#define g_mime_stream_mem_get_byte_array   mail_gmime.g_mime_stream_mem_get_byte_array_at
#define g_mime_stream_mem_new              mail_gmime.g_mime_stream_mem_new_at
#define g_mime_stream_mem_new_with_buffer  mail_gmime.g_mime_stream_mem_new_with_buffer_at
#define g_mime_utils_header_decode_text    mail_gmime.g_mime_utils_header_decode_text_at
#define internet_address_get_name          mail_gmime.internet_address_get_name_at
#define internet_address_group_get_members mail_gmime.internet_address_group_get_members_at
#define internet_address_group_get_type    mail_gmime.internet_address_group_get_type_at
#define internet_address_list_get_address  mail_gmime.internet_address_list_get_address_at
#define internet_address_list_length       mail_gmime.internet_address_list_length_at
#define internet_address_list_parse        mail_gmime.internet_address_list_parse_at
#define internet_address_mailbox_get_addr  mail_gmime.internet_address_mailbox_get_addr_at
#define internet_address_mailbox_get_type  mail_gmime.internet_address_mailbox_get_type_at
#endif

/* Opens the library at the first call; false: it is not there. It is never shut down: what it keeps
 * is one of a kind. */
bool mail_library(void);
/* A C string of `s` for the library: each NUL, where the string would end, becomes U+FFFD, and line
 * ends become nothing. Free it with mem_free. */
char *mail_cstr(struct slice s);

#endif
