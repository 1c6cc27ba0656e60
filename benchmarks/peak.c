/* How many fused multiply-adds this machine can do: 13 running sums, each a register, as in neurone's first layer. */

#ifdef __AVX512F__
typedef float vector __attribute__((vector_size(64)));
#else
typedef float vector __attribute__((vector_size(32)));
#endif
enum { LANES = sizeof(vector) / sizeof(float), SUMS = 13 };

int lanes(void) { return LANES; }

/* sums = sums * factor + term, `times` times: nothing comes from memory. factor: (LANES,); sums: (13, LANES). */
void in_registers(const vector *factor, const vector *term, vector *sums, long times)
{
    const vector a = *factor, b = *term;
    vector s[SUMS];
    for (int k = 0; k < SUMS; k++)
        s[k] = sums[k];
    for (long t = 0; t < times; t++)
        for (int k = 0; k < SUMS; k++)
            s[k] = s[k] * a + b;
    for (int k = 0; k < SUMS; k++)
        sums[k] = s[k];
}

/* sums += x[i] * row i, over all rows, `times` times: a vector is loaded for each. rows: (count, 13, LANES). */
void in_cache(const float *x, const vector *rows, vector *sums, long count, long times)
{
    vector s[SUMS];
    for (int k = 0; k < SUMS; k++)
        s[k] = sums[k];
    for (long t = 0; t < times; t++)
        for (long i = 0; i < count; i++)
            for (int k = 0; k < SUMS; k++)
                s[k] += x[i] * rows[i * SUMS + k];
    for (int k = 0; k < SUMS; k++)
        sums[k] = s[k];
}
