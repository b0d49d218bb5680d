/* Whether this build's heap is AddressSanitizer's, which cannot be asked how much is in use. */
#ifndef TESTS_LIB_SANITIZER_H
#define TESTS_LIB_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) /* gcc */
#define HEAP_IS_OURS 0
#elif defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer)
#define HEAP_IS_OURS 0
#else
#define HEAP_IS_OURS 1
#endif
#else
#define HEAP_IS_OURS 1
#endif

#endif
