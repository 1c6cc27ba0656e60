"""The programs in the C that `save_c` writes: -DNEURONE_MAIN reads images, -DNEURONE_SELFTEST compares bits.

The self-test makes its images and arguments itself, from words that both C and Python compute, so that the file need
not hold them.
"""

import numpy as np

from neurone.formats.int8 import activated

_OFFSET, _PRIME = 2166136261, 16777619  # FNV-1a in 32 bits
_ROWS, _COLUMNS = 256, 16
# 2^23 steps of these reach to 1, 8, 128 and 1024.
_UNITS = np.array([8388608.0, 1048576.0, 65536.0, 8192.0])


def test_images(inputs, outputs):
    """Bytes (count, inputs) to compare outputs on: images with all pixels, with half of them, with an eighth.

    Up to a hundred, fewer where their outputs would fill the file or the images take long to make.
    """
    count = max(4, min(100, 2000 // outputs, 500_000 // inputs))
    words = _words(count * inputs).reshape(count, inputs)
    chances = np.array([256, 128, 32])[np.arange(count) % 3, None]
    return np.where((words >> 16 & 255) < chances, words >> 24, 0).astype(np.uint8)


def checksum(function, slope, dtype):
    """What the self-test must find for a layer's function of the network."""
    steps = (_words(_ROWS * _COLUMNS) >> 8).astype(np.int64) - 2**23
    u = (steps.reshape(_ROWS, _COLUMNS) / _UNITS[np.arange(_ROWS) % 4, None]).astype(dtype)
    value = _OFFSET
    for bits in activated(u, function, dtype.type(slope)).view(f"u{dtype.itemsize}").ravel().tolist():
        for half in (bits & 0xFFFFFFFF, bits >> 32):
            value = (value ^ half) * _PRIME & 0xFFFFFFFF
    return value


def _words(count):
    """`word` of the C below, of 1 to `count`."""
    n = np.arange(1, count + 1, dtype=np.uint32)
    n = (n ^ n >> 16) * np.uint32(0x7FEB352D)
    n = (n ^ n >> 15) * np.uint32(0x846CA68B)
    return n ^ n >> 16


PIXELS = """
static void predict_image(const uint8_t *image, neurone_real *y)
{
    static neurone_real x[NEURONE_INPUTS];
    int i;

    for (i = 0; i < NEURONE_INPUTS; i++) x[i] = (neurone_real)image[i] / 255;
    neurone_predict(x, y);
}
"""

BYTES = """
static void predict_image(const uint8_t *image, neurone_real *y) { neurone_predict(image, y); }
"""

WORDS = """
static int wrong = 0;

/* A word of 32 bits, from its number: arguments and images are the same everywhere. */
static uint32_t word(uint32_t n)
{
    n = (n ^ (n >> 16)) * 0x7FEB352Du;
    n = (n ^ (n >> 15)) * 0x846CA68Bu;
    return n ^ (n >> 16);
}
"""

NUMBER = """
/* A hexadecimal float. Not by %a, which C libraries for controllers may lack. */
static void print_number(double y)
{
    char digits[14];
    uint64_t n;
    int exponent, count = 13;

    memcpy(&n, &y, sizeof n);
    exponent = (int)(n >> 52 & 0x7FF);
    if (exponent == 0x7FF) {
        printf("%s", n << 12 != 0 ? "nan" : n >> 63 != 0 ? "-inf" : "inf");
        return;
    }
    sprintf(digits, "%05lx%08lx", (unsigned long)(n >> 32 & 0xFFFFF), (unsigned long)(n & 0xFFFFFFFF));
    while (count > 0 && digits[count - 1] == '0') count--;
    digits[count] = 0;
    printf("%s0x%d%s%s", n >> 63 != 0 ? "-" : "", exponent > 0, count > 0 ? "." : "", digits);
    printf("p%+d", exponent > 0 ? exponent - 1023 : count > 0 ? -1022 : 0);
}
"""

# a, b, s and s + a*b. What other arithmetics get wrong: sums half-way between two floats but for less than a double
# sees, of even and odd floats, either side and sign; ties; subnormal results, likewise; the edge of infinity; what
# remains after cancellation; zeros and their signs; infinities. Volatile, or a compiler would compute the sums itself.
CHECK_MADD = """
static const volatile uint32_t fused[][4] = {
    {0x53EEC9D3u, 0x4735D96Cu, 0x5F808A05u, 0x5F8133A5u}, {0xC99ABB8Bu, 0x57449423u, 0x64E3DB01u, 0x64E1FFBCu},
    {0x3866FEC1u, 0x410E9141u, 0x3D4806AAu, 0x3D4A093Cu}, {0xC195AD9Bu, 0x41A4F093u, 0x47220D67u, 0x47208BA7u},
    {0xDD856287u, 0x456E19B8u, 0xE807E30Fu, 0xE8082117u}, {0x55E653C3u, 0x47E4B4EBu, 0xE12C1FFAu, 0xE128E8E4u},
    {0xCA6153AFu, 0x3D2DE34Fu, 0xCB1DFCA1u, 0xCB2060D8u}, {0x4A109ADBu, 0x58C7A2A6u, 0xE70B27B4u, 0xE70A462Bu},
    {0x4A504B61u, 0x4AC0CEBEu, 0x596AE70Fu, 0x596C20D0u}, {0xDA787B29u, 0x55DBAEE7u, 0x738C90C7u, 0x73893BDBu},
    {0x5DD7670Du, 0x4EF8403Bu, 0x70428088u, 0x7045C40Fu}, {0xBB6C45E1u, 0x3A9141DFu, 0x398562D3u, 0x39834A92u},
    {0xCABA6339u, 0x5BA864F7u, 0xEA134D34u, 0xEA15379Eu}, {0x5A0362CBu, 0x5A9C8D1Du, 0xF8E2D15Fu, 0xF8E18FFDu},
    {0xCD4B298Fu, 0x3890AA44u, 0xCA8A21BDu, 0xCA8A948Bu}, {0x43C2777Fu, 0x3F556F02u, 0xC76611A3u, 0xC764CD60u},
    {0x39800000u, 0x39800000u, 0x3F800000u, 0x3F800000u}, {0x39800000u, 0x39800000u, 0x3F800001u, 0x3F800002u},
    {0xB9800000u, 0x39000000u, 0x3F800000u, 0x3F800000u}, {0xB9800000u, 0x39800000u, 0x3F800001u, 0x3F800000u},
    {0x1A000000u, 0x1A000000u, 0x00400000u, 0x00400000u}, {0x1A000008u, 0x1A000008u, 0x00400000u, 0x00400001u},
    {0x1A000000u, 0x1A000001u, 0x00400001u, 0x00400002u}, {0x19FFFFFFu, 0x1A000000u, 0x00400001u, 0x00400001u},
    {0x9A000001u, 0x1A000000u, 0x00080000u, 0x0007FFFFu}, {0x1A000001u, 0x19FFFFFEu, 0x00400000u, 0x00400000u},
    {0x9A000001u, 0x19FFFFFEu, 0x00400000u, 0x00400000u}, {0x1A000001u, 0x19FFFFFEu, 0x00400001u, 0x00400001u},
    {0x9A000001u, 0x19FFFFFEu, 0x00400001u, 0x00400001u}, {0x0D800000u, 0x27000000u, 0x00000000u, 0x00000001u},
    {0x0D800000u, 0x26800000u, 0x00000000u, 0x00000000u}, {0x0D800000u, 0x26800001u, 0x00000000u, 0x00000001u},
    {0x8E400000u, 0x26800000u, 0x00000000u, 0x80000002u}, {0x00000001u, 0x3F800000u, 0x00000001u, 0x00000002u},
    {0x007FFFFFu, 0x3F800000u, 0x807FFFFEu, 0x00000001u}, {0x00000001u, 0x3F000000u, 0x00800000u, 0x00800000u},
    {0x73000001u, 0x3F7FFFFEu, 0x7F7FFFFFu, 0x7F7FFFFFu}, {0x73000000u, 0x3F800000u, 0x7F7FFFFFu, 0x7F800000u},
    {0x72800000u, 0x3F800000u, 0x7F7FFFFFu, 0x7F7FFFFFu}, {0xF3000000u, 0x3F800000u, 0xFF7FFFFFu, 0xFF800000u},
    {0x7F000000u, 0x40000000u, 0xFF7FFFFFu, 0x73800000u}, {0xF3000001u, 0x3F7FFFFEu, 0xFF7FFFFFu, 0xFF7FFFFFu},
    {0x3F800001u, 0x3F800001u, 0xBF800002u, 0x28800000u}, {0x3EAAAAABu, 0x40400000u, 0xBF800000u, 0x33000000u},
    {0x3F8CCCCDu, 0x3F8CCCCDu, 0xBF9AE148u, 0x3275C290u}, {0xB0800000u, 0x30800000u, 0x3F800000u, 0x3F800000u},
    {0x1A12A04Au, 0x19DF7ADEu, 0x00400000u, 0x00400001u}, {0x1A1D63BFu, 0x19D0325Au, 0x00400001u, 0x00400002u},
    {0x9A4D2C6Au, 0x199FB570u, 0x00400000u, 0x003FFFFFu}, {0x9A284E9Fu, 0x19C2B114u, 0x00400001u, 0x00400000u},
    {0x80000000u, 0x3F800000u, 0x80000000u, 0x80000000u}, {0x80000000u, 0x3F800000u, 0x00000000u, 0x00000000u},
    {0x3F800000u, 0x3F800000u, 0xBF800000u, 0x00000000u}, {0x8DA24260u, 0x0DA24260u, 0x80000000u, 0x80000000u},
    {0x7F800000u, 0x3F800000u, 0xFF61B1E6u, 0x7F800000u}, {0x7F61B1E6u, 0x7F61B1E6u, 0xFF800000u, 0xFF800000u},
    {0x7F61B1E6u, 0xFF61B1E6u, 0x7F61B1E6u, 0xFF800000u},
};

static void check_madd(void)
{
    unsigned int k;

    for (k = 0; k < sizeof fused / sizeof fused[0]; k++) {
        float a = float_of(fused[k][0]), b = float_of(fused[k][1]), s = float_of(fused[k][2]);
        if (bits_of(madd(a, b, s)) != fused[k][3]) {
            printf("a product and a sum, case %u: other bits than those stored\\n", k);
            wrong = 1;
        }
    }
}
"""

# A product less itself, rounded, is 0; rounded once only, it is what the rounding took away.
CHECK_CONTRACTION = {
    "float64": """
static void check_contraction(void)
{
    static const volatile double third = 1.0 / 3.0;
    double w[2], x = third, s;

    w[0] = 0, w[1] = third;
    sums(w, 1, 1, &x, &s);
    w[0] = -s, w[1] = third; /* read again, or the product may be computed once */
    sums(w, 1, 1, &x, &s);
""",
    "int8": """
static void check_contraction(void)
{
    static const volatile float third = 1.0f / 3.0f;
    const int8_t w = 127;
    const uint8_t x = 255;
    float scale = third, bias = 0, s;

    first_layer(&w, &scale, &bias, 1, 1, &x, third, &s);
    bias = -s, scale = third; /* read again, or the product may be computed once */
    first_layer(&w, &scale, &bias, 1, 1, &x, third, &s);
""",
}
CHECKED_CONTRACTION = """\
    if (s < 0 || s > 0) {
        printf("products and sums are rounded once: compile with -ffp-contract=off\\n");
        wrong = 1;
    }
}
"""

CHECK_FUNCTION = """
/* A layer's function at 256 times 16 points, up to 1, 8, 128 and 1024 on either side of 0: FNV-1a of the bits. */
static void check_function(const char *name, void (*function)(neurone_real *, int), uint32_t expected)
{{
    static const neurone_real units[] = {{8388608, 1048576, 65536, 8192}};
    uint32_t found = 2166136261u, row, k;

    for (row = 0; row < 256; row++) {{
        neurone_real u[16];
        for (k = 0; k < 16; k++)
            u[k] = (neurone_real)((int32_t)(word(row * 16 + k + 1) >> 8) - 8388608) / units[row % 4];
        function(u, 16);
        for (k = 0; k < 16; k++) {{
            {bits} n;
            memcpy(&n, &u[k], sizeof n);
            found = (found ^ (uint32_t)n) * 16777619u;
            found = (found ^ (uint32_t)(n >> 16 >> 16)) * 16777619u;
        }}
    }}
    if (found != expected) {{
        printf("%s: other bits than those stored\\n", name);
        wrong = 1;
    }}
}}
"""

SELFTEST = """
/* Image p has all pixels, half of them or an eighth. */
static void make_image(uint32_t p, uint8_t *image)
{{
    static const uint32_t chances[] = {{256, 128, 32}};
    uint32_t i;

    for (i = 0; i < NEURONE_INPUTS; i++) {{
        uint32_t n = word(p * NEURONE_INPUTS + i + 1);
        image[i] = (uint8_t)((n >> 16 & 255) < chances[p % 3] ? n >> 24 : 0);
    }}
}}

int main(void)
{{
    static uint8_t image[NEURONE_INPUTS];
    int p, k;

{checks}    for (p = 0; p < TESTS; p++) {{
        neurone_real y[NEURONE_OUTPUTS];
        const neurone_real *expected = test_outputs + p * NEURONE_OUTPUTS;
        make_image((uint32_t)p, image);
        predict_image(image, y);
        for (k = 0; k < NEURONE_OUTPUTS; k++)
            if (memcmp(&y[k], &expected[k], sizeof y[k]) != 0) {{
                printf("image %d, output %d: ", p, k);
                print_number((double)y[k]);
                printf(", expected ");
                print_number((double)expected[k]);
                printf("\\n");
                wrong = 1;
            }}
    }}
    if (!wrong) printf("%d images, the same bits\\n", TESTS);
    return wrong;
}}
"""

MAIN = """
static int digit(const neurone_real *y)
{
    int k, largest = 0;

    if (NEURONE_OUTPUTS == 1) return y[0] >= (neurone_real)0.5;
    for (k = 1; k < NEURONE_OUTPUTS; k++)
        if (y[k] > y[largest]) largest = k;
    return largest;
}

int main(void)
{
    static uint8_t image[NEURONE_INPUTS];
    neurone_real y[NEURONE_OUTPUTS];
    size_t count;
    int k;

#if defined _WIN32
    _setmode(_fileno(stdin), _O_BINARY); /* else a byte of 26 ends the input, and 13 before 10 is lost */
#endif
    while ((count = fread(image, 1, NEURONE_INPUTS, stdin)) == NEURONE_INPUTS) {
        predict_image(image, y);
        printf(ANSWER);
        for (k = 0; k < NEURONE_OUTPUTS; k++) {
            printf(" ");
            print_number((double)y[k]);
        }
        printf("\\n");
    }
    if (count != 0) {
        fprintf(stderr, "the last image has %lu bytes, %d expected\\n", (unsigned long)count, NEURONE_INPUTS);
        return 2;
    }
    if (ferror(stdin)) perror("standard input");
    else if (fflush(stdout) != 0 || ferror(stdout)) perror("standard output");
    else return 0;
    return 1;
}
"""
