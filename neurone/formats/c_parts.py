"""The C that `save_c` writes, except what depends on the network: each file takes the parts that it needs.

The 32-bit e^x and tanh are the operations of `kernels/elementary.py`, one by one.
"""

HEAD = """\
/* A neural network: {description}.

   void neurone_predict(const {type} *x, neurone_real *y)

   reads NEURONE_INPUTS {inputs}, and writes NEURONE_OUTPUTS numbers. x and y must not
   overlap. It allocates nothing, keeps nothing between calls, needs no library but that of math.h, and holds the
   outputs of hidden layers on the stack, {stack} bytes. {promise}, if it is compiled with

       gcc -O2 -ffp-contract=off

   or g++. Without -ffp-contract=off a compiler may round a product and a sum once instead of twice, which gives other
   bits; so does -ffast-math, and on 32-bit x86 the lack of -msse2 -mfpmath=sse.
   {library}

   With -DNEURONE_MAIN it is a program: it reads images of NEURONE_INPUTS bytes each from standard input, and prints a
   line for each, the digit and then the outputs as hexadecimal floats. With -DNEURONE_SELFTEST it is a program that
   compares the outputs of {tests} images with those stored here, bit for bit; it exits with 1 if one differs. */

#include <math.h>
#include <stdint.h>
"""

LIBRARY = {
    "float32": "e^x and tanh are its own. With fmaf as one instruction (-mfma on x86) it is faster; same bits.",
    "float64": "exp and tanh are the C library's: another one may differ in the last place.",
}

MADD = {
    "float32": """
/* s + a*b, rounded once. */
static neurone_real madd(neurone_real a, neurone_real b, neurone_real s) { return fmaf(a, b, s); }
""",
    "float64": """
/* s + a*b: a product rounded, then a sum rounded. */
static neurone_real madd(neurone_real a, neurone_real b, neurone_real s) { return a * b + s; }
""",
}

REDUCE_32 = """
static uint32_t bits_of(float x)
{
    uint32_t n;
    unsigned char *to = (unsigned char *)&n;
    const unsigned char *from = (const unsigned char *)&x;
    to[0] = from[0], to[1] = from[1], to[2] = from[2], to[3] = from[3];
    return n;
}

static float float_of(uint32_t n)
{
    float x;
    unsigned char *to = (unsigned char *)&x;
    const unsigned char *from = (const unsigned char *)&n;
    to[0] = from[0], to[1] = from[1], to[2] = from[2], to[3] = from[3];
    return x;
}

/* 2^n for -126 <= n <= 127. */
static float power(int32_t n) { return float_of(((uint32_t)n << 23) + 0x3F800000u); }

/* e^r - 1, and n, for e^x = 2^n e^r with n the integer nearest to x / log(2). */
static float reduce(float x, int32_t *n)
{
    /* 1.5 * 2^23: adding it leaves the nearest integer in the low bits. */
    const float rounder = 12582912.0f;
    float shifted = madd(x, 1.44269504f, rounder);
    float whole = shifted - rounder;
    /* log(2) in two parts: whole times the first is exact. */
    float r = madd(whole, -1.42860677e-06f, madd(whole, -0.693145752f, x));
    /* By Taylor: 1/8!, 1/7!, ... 1/2!. */
    float q = madd((float)(1.0 / 40320.0), r, (float)(1.0 / 5040.0));
    q = madd(q, r, (float)(1.0 / 720.0));
    q = madd(q, r, (float)(1.0 / 120.0));
    q = madd(q, r, (float)(1.0 / 24.0));
    q = madd(q, r, (float)(1.0 / 6.0));
    q = madd(q, r, 0.5f);
    *n = (int32_t)(bits_of(shifted) & 0x7FFFFFFFu) - 0x4B400000;
    return madd(r * r, q, r);
}
"""

EXP = {
    "float32": """
/* e^x: infinity above 88.72, 0 below -103.97. */
static float exponential(float x)
{
    int32_t n, half;
    float e;

    if (x > 89.0f) x = 89.0f;
    if (x < -104.0f) x = -104.0f;
    e = reduce(x, &n);
    half = n / 2; /* two factors, because 2^128 and 2^-150 are no floats; the first product is exact */
    return ((1.0f + e) * power(half)) * power(n - half);
}
""",
    "float64": """
static double exponential(double x) { return exp(x); }
""",
}

TANH = {
    "float32": """
/* m / (m + 2) with m = e^2|x| - 1; below m = 1, m/2 minus a small part of it. The sign is that of x. */
static float hyperbolic_tangent(float x)
{
    uint32_t sign = bits_of(x) & 0x80000000u;
    float a = float_of(bits_of(x) ^ sign), scale, m, w, half;
    int32_t n;

    if (a > 10.0f) a = 10.0f;
    m = reduce(a + a, &n);
    scale = power(n);
    m = madd(scale, m, scale - 1.0f);
    w = m / (m + 2.0f);
    half = m * 0.5f;
    return float_of(bits_of(m < 1.0f ? madd(-half, w, half) : w) | sign);
}
""",
    "float64": """
static double hyperbolic_tangent(double x) { return tanh(x); }
""",
}

# Each in place, on the m neurons of a layer.
FUNCTIONS = {
    "logistic": """
static void logistic(neurone_real *u, int m)
{{
    const neurone_real slope = {slope};
    int j;

    for (j = 0; j < m; j++) u[j] = 1 / (1 + exponential(-(slope * u[j])));
}}
""",
    "tanh": """
static void tangent(neurone_real *u, int m)
{{
    int j;

    for (j = 0; j < m; j++) u[j] = hyperbolic_tangent(u[j]);
}}
""",
    "relu": """
static void relu(neurone_real *u, int m)
{{
    int j;

    for (j = 0; j < m; j++) u[j] = u[j] > 0 ? u[j] : 0;
}}
""",
    "softmax": """
static void softmax(neurone_real *u, int m)
{{
    neurone_real largest = u[0], sum = 0;
    int k;

    for (k = 1; k < m; k++)
        if (u[k] > largest) largest = u[k];
    for (k = 0; k < m; k++) {{
        u[k] = exponential(u[k] - largest);
        sum = sum + u[k];
    }}
    for (k = 0; k < m; k++) u[k] = u[k] / sum;
}}
""",
}
NAMES = {"logistic": "logistic", "tanh": "tangent", "relu": "relu", "softmax": "softmax"}

SUMS = """
/* s_j = sum_i w_ij x_i from 0 upward, the bias first: w has a row of m for the bias, then one for each of n inputs. */
static void sums(const neurone_real *w, int n, int m, const neurone_real *x, neurone_real *s)
{
    int i, j;

    for (j = 0; j < m; j++) s[j] = madd(w[j], 1, 0);
    for (i = 0; i < n; i++) {
        w += m;
        for (j = 0; j < m; j++) s[j] = madd(w[j], x[i], s[j]);
    }
}
"""

LAYER_8 = """
/* u_j = (sum_i w_ji x_i) scale_j step + bias_j, for m neurons of n inputs in steps of `step`. |w| <= 127 and
   |x| <= 255, and n is at most {most}: no sum exceeds 32 bits. */
static void {name}(const int8_t *w, const float *scale, const float *bias, int n, int m, const {type} *x, float step,
                   float *u)
{{
    int i, j;

    for (j = 0; j < m; j++) {{
        int32_t sum = 0;
        for (i = 0; i < n; i++) sum += (int32_t)w[i] * x[i];
        u[j] = (float)sum * (scale[j] * step) + bias[j];
        w += n;
    }}
}}
"""

STEPS_8 = """
/* u in 255 steps on either side of 0, as pixels have above it; returns the size of a step. */
static float steps(const float *u, int m, int16_t *x)
{
    float largest = 0;
    int j;

    for (j = 0; j < m; j++)
        if (fabsf(u[j]) > largest) largest = fabsf(u[j]);
    if (largest == 0) largest = 1;
    for (j = 0; j < m; j++) x[j] = (int16_t)floorf(u[j] / largest * 255 + 0.5f);
    return largest / 255;
}
"""

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

SELFTEST = """
int main(void)
{
    int p, k, wrong = 0;

    for (p = 0; p < TESTS; p++) {
        neurone_real y[NEURONE_OUTPUTS];
        const neurone_real *expected = test_outputs + p * NEURONE_OUTPUTS;
        predict_image(test_images + p * NEURONE_INPUTS, y);
        for (k = 0; k < NEURONE_OUTPUTS; k++)
            if (memcmp(&y[k], &expected[k], sizeof y[k]) != 0) {
                printf("image %d, output %d: %a, expected %a\\n", p, k, (double)y[k], (double)expected[k]);
                wrong = 1;
            }
    }
    if (!wrong) printf("%d images, the same bits\\n", TESTS);
    return wrong;
}
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

    while ((count = fread(image, 1, NEURONE_INPUTS, stdin)) == NEURONE_INPUTS) {
        predict_image(image, y);
        printf("%d", digit(y));
        for (k = 0; k < NEURONE_OUTPUTS; k++) printf(" %a", (double)y[k]);
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
