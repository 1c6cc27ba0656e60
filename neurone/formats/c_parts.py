"""The C that predicts, except what depends on the network: each file that `save_c` writes takes the parts it needs.

The 32-bit e^x and tanh are the operations of `kernels/elementary.py`, one by one.
"""

HEAD = """\
/* A neural network: {description}.

   void neurone_predict(const {input} *x, neurone_real *y)

   reads NEURONE_INPUTS {inputs}, and writes NEURONE_OUTPUTS numbers. x and y must not
   overlap. It allocates nothing, keeps nothing between calls, {library}, and holds the
   outputs of hidden layers on the stack, {stack} bytes. Compile it as C99 or C++, for example with

       gcc -O2 -ffp-contract=off

   {promise}
   Not with -ffast-math; on 32-bit x86, with -msse2 -mfpmath=sse.

   With -DNEURONE_MAIN it is a program: it reads images of NEURONE_INPUTS bytes each from standard input, and prints a
   line for each, the digit and then the outputs as hexadecimal floats. With -DNEURONE_SELFTEST it is a program that
   compares, bit for bit, the outputs of {tests} images, and the functions that it uses at some thousands of points,
   with what is stored here; it exits with 1 if one differs. */
"""

PROMISE = {
    "float32": """The outputs are the network's own, bit for bit, whatever the compiler, the processor and the library.
   Where one instruction multiplies and adds (-mfma on x86) it is faster; the bits are the same.""",
    "float64": """The outputs are the network's own, bit for bit, {condition}
   The option keeps a compiler from rounding a product and a sum once instead of twice; gcc and clang obey the pragmas
   below without it.""",
    "int8": """The outputs are the same bits whatever the compiler, the processor and the library, and nearly the
   network's own.""",
}
# Of float64: with functions of the C library, or without.
CONDITION = {
    True: """with the C library that computed them: exp and tanh are its own.
   Others (musl, or the same library on 32-bit x86 or ARM) may differ in the last place, and the self-test tells so.""",
    False: "whatever the compiler, the processor and the library.",
}
LIBRARY = {True: "needs no library but that of math.h", False: "needs no library"}

# Between the #includes and the parts that compute.
ARITHMETIC = """
#if defined __FAST_MATH__ || defined __ASSOCIATIVE_MATH__ || defined __RECIPROCAL_MATH__ || \
    defined __NO_SIGNED_ZEROS__ || defined _M_FP_FAST
#error "compile without -ffast-math and its parts (/fp:fast): they change the outputs"
#endif
#if defined __FINITE_MATH_ONLY__
#if __FINITE_MATH_ONLY__ != 0
#error "compile without -ffinite-math-only: e^x may be infinite on the way"
#endif
#endif
/* 16 is said of _Float16 alone. */
#if defined FLT_EVAL_METHOD && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16
#error "floats are computed in a wider type: on 32-bit x86 add -msse2 -mfpmath=sse, elsewhere leave out -std=c99"
#endif
#if FLT_RADIX != 2 || FLT_MANT_DIG != 24 || DBL_MANT_DIG != 53
#error "float and double must have 32 and 64 bits (on AVR, -mdouble=64)"
#endif

/* A product and a sum are rounded one after the other. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC optimize ("fp-contract=off")
#elif defined _MSC_VER && !defined __clang__
#pragma fp_contract (off)
#else
#pragma STDC FP_CONTRACT OFF
#endif
/* What an array holds is kept from the compiler: with weights known, gcc 12 at -O3 makes products and sums of either
   sign into instructions that round once, whatever it was told. Where there are none, it may know them: at -O2 that is
   twice as fast in 64 bits. */
#if defined __GNUC__ && (defined __FMA__ || defined __FMA4__ || !defined __SSE2__)
#define HIDE(array) __asm__("" : "+r"(array))
#else
#define HIDE(array) (void)0
#endif
"""

# The type and the macros are within the guard too: a program may include both the header and the C file.
INTERFACE = """
#ifndef NEURONE_PREDICT
#define NEURONE_PREDICT

typedef {type} neurone_real;

{macros}
#ifdef __cplusplus
extern "C" {{
#endif
void neurone_predict(const {input} *x, neurone_real *y);
{classes}#ifdef __cplusplus
}}
#endif

#endif
"""

BITS_32 = """
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
"""

# The library's fmaf is called nowhere: some libraries round twice, and mingw-w64's is wrong for a quarter of all
# arguments. gcc tells where it has an instruction; clang tells the processor's, but may call the library all the same
# where fmaf has to set errno.
MADD = {
    "float32": """
#if defined __clang__
#if (defined __FMA__ || defined __riscv_flen || (defined __ARM_FEATURE_FMA && defined __ARM_FP)) && \\
    (defined __NO_MATH_ERRNO__ || defined __gnu_linux__ || defined _WIN32)
#define ONE_INSTRUCTION
#endif
#elif defined __GNUC__ && defined __FP_FAST_FMAF
#define ONE_INSTRUCTION
#endif

/* s + a*b, rounded once. */
#if defined ONE_INSTRUCTION
static float madd(float a, float b, float s) { return __builtin_fmaf(a, b, s); }
#else
/* The product is exact in double. The sum t, rounded to double and then to float, is right unless t lies half-way
   between two floats, or the float is subnormal. Then what t lost is found, and t rounded to odd: it becomes, of the
   two doubles around the exact sum, the one whose last bit is 1, and so lies on the same side of half-way as the sum.
   Infinity and NaN end in zeros, and pass. */
static float madd(float a, float b, float s)
{
    double p = (double)a * (double)b, t = p + (double)s;
    unsigned char *bytes = (unsigned char *)&t, *to;
    uint64_t n;
    unsigned int k;

    to = (unsigned char *)&n;
    for (k = 0; k < sizeof n; k++) to[k] = bytes[k];
    if ((n & 0x1FFFFFFFu) == 0x10000000u || (n >> 52 & 0x7FFu) < 897u) {
        double rest = t - p, lost = (p - (t - rest)) + ((double)s - rest);
        if (lost != 0 && (n & 1u) == 0) {
            n = (lost > 0) == (t > 0) ? n + 1 : n - 1;
            for (k = 0; k < sizeof n; k++) bytes[k] = to[k];
        }
    }
    return (float)t;
}
#endif
""",
    "float64": """
/* s + a*b: a product rounded, then a sum rounded. */
static neurone_real madd(neurone_real a, neurone_real b, neurone_real s) { return a * b + s; }
""",
}

REDUCE_32 = """
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
    "exp": """
static void exponentials(neurone_real *u, int m)
{{
    int j;

    for (j = 0; j < m; j++) u[j] = exponential(u[j]);
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
# Of every function that a layer may have: what it is called in C; identity does nothing.
NAMES = {
    "logistic": "logistic", "tanh": "tangent", "relu": "relu", "exp": "exponentials", "softmax": "softmax",
    "identity": None,
}  # fmt: skip

SUMS = """
/* s_j = sum_i w_ij x_i from 0 upward, the bias first: w has a row of m for the bias, then one for each of n inputs. */
static void sums(const neurone_real *w, int n, int m, const neurone_real *x, neurone_real *s)
{
    int i, j;

    HIDE(w);
    for (j = 0; j < m; j++) s[j] = madd(w[j], 1, 0);
    for (i = 0; i < n; i++) {
        w += m;
        for (j = 0; j < m; j++) s[j] = madd(w[j], x[i], s[j]);
    }
}
"""

# Of a committee.
ADD = """
static void add(double *total, const neurone_real *y)
{
    int k;

    for (k = 0; k < NEURONE_OUTPUTS; k++) total[k] = total[k] + (double)y[k];
}
"""

LAYER_8 = """
/* u_j = (sum_i w_ji x_i) scale_j step + bias_j, for m neurons of n inputs in steps of `step`. |w| <= 127 and
   |x| <= 255, and n is at most {most}: no sum exceeds 32 bits. */
static void {name}(const int8_t *w, const float *scale, const float *bias, int n, int m, const {type} *x, float step,
                   float *u)
{{
    int i, j;

    HIDE(scale);
    HIDE(bias);
    for (j = 0; j < m; j++) {{
        int32_t sum = 0;
        for (i = 0; i < n; i++) sum += (int32_t)w[i] * x[i];
        u[j] = (float)sum * (scale[j] * step) + bias[j];
        w += n;
    }}
}}
"""

STEPS_8 = """
/* u in 255 steps on either side of 0, as pixels have above it, rounded half-way up; returns the size of a step. */
static float steps(const float *u, int m, int16_t *x)
{
    float largest = 0;
    int j;

    for (j = 0; j < m; j++)
        if (u[j] > largest) largest = u[j];
        else if (-u[j] > largest) largest = -u[j];
    if (largest == 0) largest = 1;
    for (j = 0; j < m; j++) {
        float rounded = u[j] / largest * 255 + 0.5f;
        x[j] = (int16_t)rounded;
        if ((float)x[j] > rounded) x[j] = (int16_t)(x[j] - 1);
    }
    return largest / 255;
}
"""
