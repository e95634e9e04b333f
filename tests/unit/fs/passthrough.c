/* The replies that an older libfuse cannot complete, byte by byte. */
#include "passthrough.h"

#include "testutil.h"

static uint32_t u32(const unsigned char *p, size_t off)
{
    uint32_t v;

    memcpy(&v, p + off, sizeof(v));
    return v;
}

static void put(unsigned char *p, size_t off, uint32_t v)
{
    memcpy(p + off, &v, sizeof(v));
}

static void fill(unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (unsigned char)(i * 7 + 1);
}

static void check_untouched(const unsigned char *p, size_t len, size_t from, size_t to)
{
    for (size_t i = from; i < to && i < len; i++)
        if (p[i] != (unsigned char)(i * 7 + 1))
            fail_msg("byte %zu was changed", i);
}

static void init_reply_gets_flags_and_stack_depth(void **state)
{
    unsigned char out[64]; /* struct fuse_init_out */

    (void)state;
    fill(out, sizeof(out));
    put(out, 12, 0x9);
    put(out, 32, 0x3);
    assert_true(passthrough_patch_init(out, sizeof(out), 2));
    assert_int_equal(u32(out, 12), 0x9u | 1u << 30);
    assert_int_equal(u32(out, 32), 0x3u | 1u << 5);
    assert_int_equal(u32(out, 36), 2);
    check_untouched(out, sizeof(out), 0, 12);
    check_untouched(out, sizeof(out), 16, 32);
    check_untouched(out, sizeof(out), 40, 64);
}

static void a_short_init_reply_is_left_alone(void **state)
{
    unsigned char out[39]; /* kernels before 7.23 get 24 bytes, before 7.5 get 8 */

    (void)state;
    fill(out, sizeof(out));
    assert_false(passthrough_patch_init(out, sizeof(out), 1));
    assert_false(passthrough_patch_init(out, 24, 1));
    assert_false(passthrough_patch_init(out, 8, 1));
    check_untouched(out, sizeof(out), 0, sizeof(out));
}

static void open_reply_gets_flag_and_backing_id(void **state)
{
    unsigned char out[16]; /* struct fuse_open_out */

    (void)state;
    fill(out, sizeof(out));
    put(out, 8, 0x20);
    assert_true(passthrough_patch_open(out, sizeof(out), 77));
    assert_int_equal(u32(out, 8), 0x20u | 1u << 7);
    assert_int_equal(u32(out, 12), 77);
    check_untouched(out, sizeof(out), 0, 8);
}

static void a_short_open_reply_is_left_alone(void **state)
{
    unsigned char out[15];

    (void)state;
    fill(out, sizeof(out));
    assert_false(passthrough_patch_open(out, sizeof(out), 77));
    check_untouched(out, sizeof(out), 0, sizeof(out));
}

static void only_an_init_that_offers_it_is_an_offer(void **state)
{
    unsigned char in[104] = {0}; /* fuse_in_header and fuse_init_in */

    (void)state;
    put(in, 4, 26);
    put(in, 52, 1u << 30);
    put(in, 56, 1u << 5);
    assert_true(passthrough_offered(in, sizeof(in)));
    assert_false(passthrough_offered(in, 59)); /* no flags2 in it */
    assert_false(passthrough_offered(in, 0));
    put(in, 56, ~(1u << 5));
    assert_false(passthrough_offered(in, sizeof(in)));
    put(in, 56, 1u << 5);
    put(in, 52, 0); /* flags2 is then some other thing */
    assert_false(passthrough_offered(in, sizeof(in)));
    put(in, 52, 1u << 30);
    put(in, 4, 14); /* an OPEN */
    assert_false(passthrough_offered(in, sizeof(in)));
}

static void before_a_mount_reads_are_not_passed_through(void **state)
{
    (void)state;
    assert_true(strncmp(passthrough_text(), "buffered (", 10) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_reply_gets_flags_and_stack_depth),
        cmocka_unit_test(a_short_init_reply_is_left_alone),
        cmocka_unit_test(open_reply_gets_flag_and_backing_id),
        cmocka_unit_test(a_short_open_reply_is_left_alone),
        cmocka_unit_test(only_an_init_that_offers_it_is_an_offer),
        cmocka_unit_test(before_a_mount_reads_are_not_passed_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
