/* Golden screens: what a view shows, in each theme, in one file.
 *
 * tests/screen/golden/NAME.txt holds the rows as text (NN|), below each the runs of its styles
 * (NN~a12.3b4: twelve cells of style a, three plain ones, four of style b) and the cursor. What a
 * style is in each theme stands once, in styles.txt beside them: so a screen costs its text and
 * little more, and a colour that changes changes one line. A theme never changes a character: the
 * same text must stand in all of them.
 *
 * UPDATE_GOLDEN=1 writes them; look at the difference before it is kept.
 */
#ifndef TESTS_LIB_GOLDEN_H
#define TESTS_LIB_GOLDEN_H

#include "screen.h"

enum { GOLDEN_THEMES = 4 };
extern const char *const golden_themes[GOLDEN_THEMES]; /* names of --theme */

/* by_theme[i] shows the view in golden_themes[i]. Digests (20 hexadecimal digits and more in a row)
 * are x. Writing needs all themes; comparing takes those that are not NULL. */
void golden_assert(struct vt *const by_theme[GOLDEN_THEMES], const char *name);
/* The same for one terminal, in theme dark. */
void golden_assert_dark(struct vt *v, const char *name);

/* The first three sizes are those people have; the others are what a view must survive. */
struct golden_size {
    int cols, rows;
};
enum { GOLDEN_COMMON = 3, GOLDEN_SMALL = 5, GOLDEN_ALL = 6 };
extern const struct golden_size golden_sizes[GOLDEN_ALL];

/* The program in each theme, at the same keys. */
struct golden_stage {
    struct vt *v[GOLDEN_THEMES];
    const struct golden_size *size;
};
/* `smtpscope ARGUMENT...` (NULL at the end) with the test clock; the first frame is drawn. */
void golden_open(struct golden_stage *s, const struct golden_size *size, const char *const *args);
void golden_close(struct golden_stage *s); /* ends it as it stands; leaving is tested elsewhere */
/* Keys as vt_key has them; a frame later. */
void golden_press(struct golden_stage *s, const char *keys);
/* A line that the practice server answers. It lives in the same process: some turns of the loop
 * later its answer is on the screen, at any size. */
void golden_say(struct golden_stage *s, const char *line);
void golden_settle(struct golden_stage *s); /* those turns alone */
/* golden_assert of NAME-COLSxROWS. */
void golden_look(struct golden_stage *s, const char *name);
/* False where GOLDEN_ONLY names another view: to write or look at one of them. */
bool golden_wanted(const char *name);

#endif
