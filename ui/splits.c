/* Sizes of the panes a person chose, kept in a small file of the state directory: "columns 62". */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ui_private.h"

static const char *const class_words[LAYOUT_CLASS__COUNT] = {"stacked", "columns", "roomy"};
enum { FILE_MAX_OCTETS = 512 };

static void take_line(struct ui *u, struct slice line)
{
    uint64_t percent;
    struct slice word = slice_next_word(&line);
    for (int i = 0; i < LAYOUT_CLASS__COUNT; i++)
        if (slice_eq(word, slice_cstr(class_words[i])) &&
            slice_to_u64(slice_trim(line), 85, &percent) && percent >= 20)
            u->splits[i] = (int)percent;
}

void splits_load(struct ui *u)
{
    char text[FILE_MAX_OCTETS];
    const char *path = u->screen_path;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) : -1;
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    struct slice rest = slice_of(text, n > 0 ? (size_t)n : 0);
    while (rest.len > 0) {
        ptrdiff_t lf = slice_find_octet(rest, '\n');
        size_t len = lf < 0 ? rest.len : (size_t)lf;
        take_line(u, slice_take(rest, len));
        rest = slice_skip(rest, len + 1);
    }
}

void splits_save(struct ui *u)
{
    char text[FILE_MAX_OCTETS];
    size_t len = 0;
    const char *path = u->splits_changed ? u->screen_path : NULL;
    int fd =
        path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600)
             : -1;
    if (fd < 0)
        return; /* a size is not worth a word */
    for (int i = 0; i < LAYOUT_CLASS__COUNT; i++)
        if (u->splits[i])
            len += (size_t)snprintf(text + len, sizeof text - len, "%s %d\n", class_words[i],
                                    u->splits[i]);
    ssize_t written = write(fd, text, len);
    (void)written;
    close(fd);
}
