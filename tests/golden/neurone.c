/* neurone.c - the networks of the notes, trained by plain loops: what the package's bits are compared with.

   Written from the notes' arithmetic alone (specification section 7), except for the 32-bit exp and tanh, whose
   operations the notes leave open: their list is that of neurone/kernels/elementary.py (specification section 10),
   which tests/test_elementary.py checks. It is compiled once for each width:

       gcc -O2 -std=c99 -ffp-contract=off -DWIDTH=32 neurone.c -o neurone32 -lm
       gcc -O2 -std=c99 -ffp-contract=off -DWIDTH=64 neurone.c -o neurone64 -lm

       neurone32 CASES RESULTS

   CASES holds any number of cases, one after the other. Every value has 8 bytes, in the machine's own order:
   N are integers (int64_t), R reals (double), rounded here to the network's width, once. One case is

       N  layers of parameters, L
       N  neurons of each layer of neurons, bias not counted: inputs, hidden, outputs   [L + 1]
       N  hidden activation, output function, cost        the enumerations below
       N  1 for the mean gradient, 0 for the total
       N  samples;  N samples of a batch;  N epochs
       N  1 if the inputs are pixels;  N 1 if the targets are labels
       R  slope of the logistic neurons
       R  learning rate of the first epoch; R  decay, a factor from each epoch to the next, both kept in 64 bits
       N  optimiser; N 1 for Nesterov's momentum;  R momentum;  R penalty
       R  weight decay, beta 1, beta 2, epsilon                    kept in 64 bits
       R  bound on the gradient's norm; R  bound on the norm of the weights into a neuron; 0: none. In 64 bits
       R  share of the inputs dropped; R  of the hidden neurons;   N  seed of the masks, 64 bits without a sign
       N  0 if samples have no factors, 1 if they have, 2 if these are proportions: a batch's sum replaces its number
       N  order of the samples in each epoch                                            [epochs][samples]
       R  parameters, the layers' blocks one after the other                            [...]
       R  inputs, or N pixels from 0 to 255                                             [samples][inputs]
       R  targets [samples][outputs], or N labels                                       [samples]
       R  factors, if there are any                                                     [samples]

   RESULTS holds for each case, all R: the parameters after training, the cost of each epoch, what the penalty
   adds to each, and the outputs of all samples after training.

   Index i runs over the inputs of a layer, j over its neurons, k over the neurons of the layer above (the
   outputs, where there is one hidden layer), p over the samples. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "this machine computes in another width than that of its variables"
#endif

enum { LOGISTIC, TANH, RELU, IDENTITY, SOFTMAX, EXPONENTIAL };
enum { QUADRATIC, HALF_QUADRATIC, LOG, POISSON };
enum { SGD, ADAM, RPROP };

/* ------------------------------------------------------------------------------- the two widths */

#if WIDTH == 64

typedef double real;

/* s + a*b: a product rounded, then a sum rounded. */
static real madd(real a, real b, real s) { return a * b + s; }

static real exponential(real x) { return exp(x); }

static real hyperbolic_tangent(real x) { return tanh(x); }

#elif WIDTH == 32

typedef float real;

/* s + a*b, rounded once. */
static real madd(real a, real b, real s) { return fmaf(a, b, s); }

static int32_t bits(real x)
{
    int32_t n;
    memcpy(&n, &x, sizeof n);
    return n;
}

static real from_bits(int32_t n)
{
    real x;
    memcpy(&x, &n, sizeof x);
    return x;
}

/* 2^n for -126 <= n <= 127. */
static real power(int32_t n) { return from_bits((int32_t)(((uint32_t)n << 23) + 0x3F800000u)); }

/* e^r - 1, and n, for e^x = 2^n e^r with n the integer nearest to x / log(2). */
static real reduce(real x, int32_t *n)
{
    const real log2_e = (real)1.4426950408889634;
    const real ln2_high = (real)0.693145751953125;
    const real ln2_low = (real)(0.6931471805599453 - 0.693145751953125);
    const real rounder = (real)12582912.0; /* 1.5 * 2^23: the sum's low bits are the nearest integer */

    real shifted = madd(x, log2_e, rounder);
    real whole = shifted - rounder;
    real r = madd(whole, -ln2_low, madd(whole, -ln2_high, x));
    real q = (real)(1.0 / 40320.0); /* Taylor: 1/8!, 1/7!, ... 1/2! */
    q = madd(q, r, (real)(1.0 / 5040.0));
    q = madd(q, r, (real)(1.0 / 720.0));
    q = madd(q, r, (real)(1.0 / 120.0));
    q = madd(q, r, (real)(1.0 / 24.0));
    q = madd(q, r, (real)(1.0 / 6.0));
    q = madd(q, r, (real)(1.0 / 2.0));
    *n = (int32_t)((uint32_t)bits(shifted) - 0x4B400000u);
    return madd(r * r, q, r);
}

static real exponential(real x)
{
    int32_t n, half;
    real e;

    if (x > 89) x = 89;
    if (x < -104) x = -104;
    e = reduce(x, &n);
    half = n >> 1; /* downwards, as gcc shifts negative numbers */
    return ((1 + e) * power(half)) * power(n - half);
}

/* m / (m + 2) with m = e^2|x| - 1; below m = 1, m/2 minus a small part of it. */
static real hyperbolic_tangent(real x)
{
    int32_t sign = bits(x) & INT32_MIN, n;
    real a = from_bits(bits(x) & INT32_MAX), e, scale, m, w, h;

    if (a > 10) a = 10;
    e = reduce(a + a, &n);
    scale = power(n);
    m = madd(scale, e, scale - 1);
    w = m / (m + 2);
    h = m * (real)0.5;
    return from_bits(bits(m < 1 ? madd(-h, w, h) : w) | sign);
}

#else
#error "compile with -DWIDTH=32 or -DWIDTH=64"
#endif

/* ------------------------------------------------------------------------------- the network */

#define MAX_LAYERS 16

static int L;                           /* layers of parameters, 0 .. L - 1 */
static int64_t sizes[MAX_LAYERS + 1];  /* neurons: inputs, hidden layers, outputs */
static int64_t debut[MAX_LAYERS + 1];   /* layer l, from i to j: LesPoids[debut[l] + i*m + j] */
static int64_t activation, output, cost;
static real pente;                      /* a, the slope of the logistic neurons */

static real *LesPoids, *Gradient;
static real *TabXCachee;                /* the inputs; [0] = 1.0, the bias neuron */
static real *TabOutputCachee[MAX_LAYERS]; /* [l]: outputs of layer l, a hidden one; [l][0] = 1.0 */
static real *TabOutputSortie;           /* yhat */
static real *DeltaCachee[MAX_LAYERS], *DeltaSortie;
static real *tau;                       /* pre-activations of the outputs */
static real tau_max, S;                 /* softmax: the largest tau, the sum of e^(tau - tau_max) */

static real *entering(int l) { return l == 0 ? TabXCachee : TabOutputCachee[l - 1]; }

static real *delta_of(int l) { return l == L - 1 ? DeltaSortie : DeltaCachee[l]; }

static real g(int64_t function, real s)
{
    switch (function) {
    case LOGISTIC: return 1 / (1 + exponential(-(pente * s)));
    case TANH: return hyperbolic_tangent(s);
    case RELU: return s > 0 ? s : 0;
    case EXPONENTIAL: return exponential(s);
    default: return s;
    }
}

/* The derivative g'(s), from the output u = g(s). */
static real derivative(int64_t function, real u)
{
    switch (function) {
    case LOGISTIC: return (pente * u) * (1 - u);
    case TANH: return 1 - u * u;
    case RELU: return u > 0 ? 1 : 0;
    default: return 1;
    }
}

static void softmax(void)
{
    int64_t k, outputs = sizes[L];

    tau_max = tau[0];
    for (k = 1; k < outputs; k++)
        if (tau[k] > tau_max) tau_max = tau[k];
    S = 0;
    for (k = 0; k < outputs; k++) {
        TabOutputSortie[k] = exponential(tau[k] - tau_max);
        S = S + TabOutputSortie[k];
    }
    for (k = 0; k < outputs; k++) TabOutputSortie[k] = TabOutputSortie[k] / S;
}

/* ------------------------------------------------------------------------------- dropout */

static uint64_t seed, key; /* key: of the sample's masks */
static double input_dropout, dropout;

static uint64_t mix(uint64_t x)
{
    uint64_t z = x + UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Drops a share of the m neurons of a layer (0: the inputs), or their errors, and scales up the others. */
static void drop(real *u, int64_t m, int64_t layer, double share)
{
    uint64_t of_layer = mix(key + (uint64_t)layer), threshold = (uint64_t)floor(share * 4294967296.0 + 0.5);
    real scale = (real)(1 / (1 - share));
    int64_t j;

    for (j = 0; j < m; j++) {
        uint32_t h = (uint32_t)of_layer + (uint32_t)j * UINT32_C(0x9E3779B9);
        h = (h ^ (h >> 16)) * UINT32_C(0x7FEB352D);
        h = (h ^ (h >> 15)) * UINT32_C(0x846CA68B);
        h = h ^ (h >> 16) ^ (uint32_t)(of_layer >> 32);
        u[j] = h >= threshold ? u[j] * scale : 0;
    }
}

/* From TabXCachee to TabOutputSortie; training: with dropout. */
static void forward(int training)
{
    int l;
    int64_t i, j, k;

    if (training && input_dropout != 0) drop(TabXCachee + 1, sizes[0], 0, input_dropout);
    for (l = 0; l < L; l++) {
        const real *w = LesPoids + debut[l], *x = entering(l);
        int64_t n = sizes[l], m = sizes[l + 1];
        for (j = 0; j < m; j++) {
            real s = 0;
            for (i = 0; i <= n; i++) s = madd(w[i * m + j], x[i], s);
            if (l < L - 1)
                TabOutputCachee[l][1 + j] = g(activation, s);
            else
                tau[j] = s;
        }
        if (training && dropout != 0 && l < L - 1) drop(TabOutputCachee[l] + 1, m, l + 1, dropout);
    }
    if (output == SOFTMAX)
        softmax();
    else
        for (k = 0; k < sizes[L]; k++) TabOutputSortie[k] = g(output, tau[k]);
}

/* factor: the sample's, or 1, which changes nothing. */
static void delta_output(const real *y, real factor)
{
    int64_t k;

    for (k = 0; k < sizes[L]; k++) {
        real r = TabOutputSortie[k] - y[k];
        if (cost == LOG)
            DeltaSortie[k] = output == SOFTMAX ? r : pente * r;
        else if (cost == POISSON)
            DeltaSortie[k] = r;
        else if (cost == QUADRATIC)
            DeltaSortie[k] = (2 * derivative(output, TabOutputSortie[k])) * r;
        else
            DeltaSortie[k] = derivative(output, TabOutputSortie[k]) * r;
        DeltaSortie[k] = DeltaSortie[k] * factor;
    }
}

/* The errors of the hidden layers, from the last down. The bias neuron (slot 0) has none. The derivative is that at
   the output before dropout, from which all neurons but the dropped ones were scaled up. */
static void delta_hidden(void)
{
    int l;
    real kept = (real)(1 - dropout);
    int64_t j, k;

    for (l = L - 2; l >= 0; l--) {
        const real *z = LesPoids + debut[l + 1], *delta_above = delta_of(l + 1);
        int64_t n = sizes[l + 1], m = sizes[l + 2];
        for (j = 0; j < n; j++) {
            real s = 0;
            for (k = 0; k < m; k++) s = madd(z[(1 + j) * m + k], delta_above[k], s);
            DeltaCachee[l][j] = derivative(activation, kept * TabOutputCachee[l][1 + j]) * s;
        }
        if (dropout != 0) drop(DeltaCachee[l], n, l + 1, dropout);
    }
}

/* Adds one sample's gradient to the batch's. */
static void gradient(void)
{
    int l;
    int64_t i, j;

    for (l = 0; l < L; l++) {
        const real *delta = delta_of(l), *x = entering(l);
        real *G = Gradient + debut[l];
        int64_t n = sizes[l], m = sizes[l + 1];
        for (i = 0; i <= n; i++)
            for (j = 0; j < m; j++) G[i * m + j] = madd(delta[j], x[i], G[i * m + j]);
    }
}

/* ------------------------------------------------------------------------------- the correction */

static int64_t optimiser, nesterov;
static real momentum, penalty;
static double weight_decay, beta_1, beta_2, epsilon, clip_norm, max_norm;
static double B1, B2;         /* the powers of beta_1 and beta_2 */
static real *first, *second;  /* what the optimiser keeps for each parameter */

static real root(real x) { return (real)sqrt(x); } /* 64 bits are enough to round a root to 32 once */

static void sgd(int64_t q, real step)
{
    real v, *w = LesPoids + q, G = Gradient[q];

    if (momentum == 0) {
        *w = madd(-step, G, *w);
        return;
    }
    v = first[q] = madd(-step, G, momentum * first[q]);
    *w = nesterov ? madd(momentum, v, madd(-step, G, *w)) : *w + v;
}

static void adam(int64_t q, real r, real P)
{
    real b1 = (real)beta_1, b2 = (real)beta_2, c1 = (real)(1 - beta_1), c2 = (real)(1 - beta_2);
    real g = Gradient[q] / P, m, v;

    m = first[q] = madd(c1, g, b1 * first[q]);
    v = second[q] = madd(c2 * g, g, b2 * second[q]);
    LesPoids[q] = LesPoids[q] - (r * m) / (root(v) + (real)epsilon);
}

static void rprop(int64_t q, real P)
{
    real g = Gradient[q] / P, s = second[q] * g, D = first[q];

    if (s > 0) {
        D = D * (real)1.2;
        if (D > 50) D = 50;
    }
    if (s < 0) {
        D = D * (real)0.5;
        if (D < (real)1e-6) D = (real)1e-6;
        g = 0;
    }
    if (g > 0) LesPoids[q] = LesPoids[q] - D;
    if (g < 0) LesPoids[q] = LesPoids[q] + D;
    first[q] = D;
    second[q] = g;
}

/* Adds up the squares of all weights, times a batch's share: for each neuron of the first layer, of those into it;
   for each neuron of another layer's inputs, of those out of it. */
static void add_squares(double *squares, double share)
{
    int l;
    int64_t i, j;

    for (l = 0; l < L; l++) {
        const real *w = LesPoids + debut[l];
        int64_t n = sizes[l], m = sizes[l + 1];
        if (l == 0)
            for (j = 0; j < m; j++) {
                double s = 0;
                for (i = 1; i <= n; i++) s += (double)w[i * m + j] * (double)w[i * m + j];
                squares[j] += s * share;
            }
        else
            for (i = 1; i <= n; i++) {
                double s = 0;
                for (j = 0; j < m; j++) s += (double)w[i * m + j] * (double)w[i * m + j];
                squares[i - 1] += s * share;
            }
        squares += l == 0 ? m : n;
    }
}

/* The sum of the squares of what leads to neuron j of layer l, in a, from row `i` on. */
static double column(const real *a, int l, int64_t j, int64_t i)
{
    double s = 0;

    for (a += debut[l] + j; i <= sizes[l]; i++) s += (double)a[i * sizes[l + 1]] * (double)a[i * sizes[l + 1]];
    return s;
}

static void clip(real P)
{
    int l;
    int64_t j, q;
    double total = 0, factor;

    for (l = 0; l < L; l++)
        for (j = 0; j < sizes[l + 1]; j++) total += column(Gradient, l, j, 0);
    factor = clip_norm / (sqrt(total) / (double)P + 1e-6);
    if (factor < 1)
        for (q = 0; q < debut[L]; q++) Gradient[q] = Gradient[q] * (real)factor;
}

static void constrain(void)
{
    int l;
    int64_t i, j;

    for (l = 0; l < L; l++)
        for (j = 0; j < sizes[l + 1]; j++) {
            double s = column(LesPoids, l, j, 1);
            real *w = LesPoids + debut[l] + j, factor = (real)(max_norm / sqrt(s));
            if (s > max_norm * max_norm)
                for (i = 1; i <= sizes[l]; i++) w[i * sizes[l + 1]] = w[i * sizes[l + 1]] * factor;
        }
}

/* By the gradient of a batch of P samples, or, where the gradient is a total, of 1. */
static void correction(double rate, real P)
{
    int l;
    int64_t q;
    real alpha = (real)rate, shrink = (real)(-(rate * weight_decay)), r = 0;

    if (clip_norm != 0) clip(P);
    for (l = 0; l < L; l++)
        for (q = debut[l] + sizes[l + 1]; q < debut[l + 1]; q++) { /* the weights: row 0 is the biases' */
            if (penalty != 0) Gradient[q] = madd(penalty, LesPoids[q], Gradient[q]);
            if (weight_decay != 0) LesPoids[q] = madd(shrink, LesPoids[q], LesPoids[q]);
        }
    if (optimiser == ADAM) {
        B1 = B1 * beta_1;
        B2 = B2 * beta_2;
        r = (real)((rate * sqrt(1 - B2)) / (1 - B1));
    }
    for (q = 0; q < debut[L]; q++)
        switch (optimiser) {
        case ADAM: adam(q, r, P); break;
        case RPROP: rprop(q, P); break;
        default: sgd(q, alpha / P);
        }
    if (max_norm != 0) constrain();
}

/* The cost of the sample just predicted, each output's term added in turn, in 64 bits. */
static double sample_cost(const real *y)
{
    double sum = 0;
    int64_t k;

    for (k = 0; k < sizes[L]; k++) {
        if (cost == POISSON) {
            /* y log(y / yhat) - y + yhat, with yhat = e^tau. */
            double wanted = (double)y[k];
            if (wanted > 0) sum += wanted * (log(wanted) - (double)tau[k]);
            sum += (double)TabOutputSortie[k] - wanted;
        } else if (cost != LOG) {
            real r = TabOutputSortie[k] - y[k];
            real term = cost == QUADRATIC ? r * r : ((real)0.5 * r) * r;
            sum += (double)term;
        } else if (output == SOFTMAX) {
            /* -log(yhat_k), written so that it is never infinite. */
            real below = tau[k] - tau_max;
            if (y[k] != 0) sum += (double)y[k] * (log((double)S) - (double)below);
        } else {
            /* -y log(yhat) - (1 - y) log(1 - yhat), with yhat = 1 / (1 + e^-z). */
            real own = pente * tau[k];
            double z = (double)own;
            sum += ((z > 0 ? z : 0) - z * (double)y[k]) + log1p(exp(-fabs(z)));
        }
    }
    return sum;
}

/* ------------------------------------------------------------------------------- files */

static FILE *cases, *results;

static int64_t integer(void)
{
    int64_t n;
    if (fread(&n, sizeof n, 1, cases) != 1) exit(2);
    return n;
}

static double number_64(void)
{
    double x;
    if (fread(&x, sizeof x, 1, cases) != 1) exit(2);
    return x;
}

static real number(void) { return (real)number_64(); }

static void put(double x)
{
    if (fwrite(&x, sizeof x, 1, results) != 1) exit(2);
}

static void *array(int64_t count, size_t size)
{
    void *a = calloc((size_t)count + 1, size);
    if (a == NULL) exit(3);
    return a;
}

/* ------------------------------------------------------------------------------- one case */

static void run(void)
{
    int64_t mean, samples, batch, epochs, pixels, labels, factors, inputs, outputs, e, p, q, i, k, begin;
    int64_t *order;
    double learning_rate, decay, decayed = 1;
    real *X, *Y, *F;
    int l;

    L = (int)integer();
    if (L < 1 || L > MAX_LAYERS) exit(2);
    for (l = 0; l <= L; l++) sizes[l] = integer();
    activation = integer();
    output = integer();
    cost = integer();
    mean = integer();
    samples = integer();
    batch = integer();
    epochs = integer();
    pixels = integer();
    labels = integer();
    inputs = sizes[0];
    outputs = sizes[L];

    debut[0] = 0;
    for (l = 0; l < L; l++) debut[l + 1] = debut[l] + (sizes[l] + 1) * sizes[l + 1];
    LesPoids = array(debut[L], sizeof(real));
    Gradient = array(debut[L], sizeof(real));
    TabXCachee = array(inputs + 1, sizeof(real));
    TabXCachee[0] = 1;
    for (l = 0; l < L - 1; l++) {
        TabOutputCachee[l] = array(sizes[l + 1] + 1, sizeof(real));
        TabOutputCachee[l][0] = 1;
        DeltaCachee[l] = array(sizes[l + 1], sizeof(real));
    }
    TabOutputSortie = array(outputs, sizeof(real));
    DeltaSortie = array(outputs, sizeof(real));
    tau = array(outputs, sizeof(real));

    order = array(epochs * samples, sizeof(int64_t));
    X = array(samples * inputs, sizeof(real));
    Y = array(samples * outputs, sizeof(real));
    F = array(samples, sizeof(real));
    first = array(debut[L], sizeof(real));
    second = array(debut[L], sizeof(real));
    B1 = B2 = 1;
    pente = number();
    learning_rate = number_64();
    decay = number_64();
    optimiser = integer();
    nesterov = integer();
    momentum = number();
    penalty = number();
    weight_decay = number_64();
    beta_1 = number_64();
    beta_2 = number_64();
    epsilon = number_64();
    clip_norm = number_64();
    max_norm = number_64();
    input_dropout = number_64();
    dropout = number_64();
    seed = (uint64_t)integer();
    for (q = 0; q < debut[L]; q++) first[q] = (real)(optimiser == RPROP ? 0.1 : 0);
    factors = integer();
    for (q = 0; q < epochs * samples; q++) order[q] = integer();
    for (q = 0; q < debut[L]; q++) LesPoids[q] = number();
    for (q = 0; q < samples * inputs; q++) X[q] = pixels ? (real)integer() / (real)255 : number();
    if (!labels)
        for (q = 0; q < samples * outputs; q++) Y[q] = number();
    else
        for (p = 0; p < samples; p++) {
            int64_t label = integer();
            for (k = 0; k < outputs; k++) Y[p * outputs + k] = k == label ? 1 : 0;
            if (outputs == 1) Y[p] = (real)label; /* one output: the label is the target */
        }
    for (p = 0; p < samples; p++) F[p] = factors ? number() : 1;

    double *costs = array(epochs, sizeof(double)), *penalties = array(epochs, sizeof(double)), *squares;
    int64_t neurons = sizes[1];
    for (l = 1; l < L; l++) neurons += sizes[l];
    squares = array(neurons, sizeof(double));
    for (e = 0; e < epochs; e++) {
        double sum = 0, all = 0;
        for (q = 0; q < neurons; q++) squares[q] = 0;
        for (begin = 0; begin < samples; begin += batch) {
            int64_t P = begin + batch <= samples ? batch : samples - begin;
            double weight = (double)P;
            if (factors == 2) {
                weight = 0;
                for (p = begin; p < begin + P; p++) weight += (double)F[order[e * samples + p]];
                if (weight == 0) weight = 1;
            }
            for (q = 0; q < debut[L]; q++) Gradient[q] = 0;
            /* The parameters do not change within a batch: each sample can be predicted, and its error
               and gradient taken, before the next. */
            for (p = begin; p < begin + P; p++) {
                int64_t sample = order[e * samples + p];
                const real *y = Y + sample * outputs;
                for (i = 0; i < inputs; i++) TabXCachee[1 + i] = X[sample * inputs + i];
                key = mix(mix(mix(seed) + (uint64_t)e) + (uint64_t)sample);
                forward(1);
                sum += sample_cost(y) * (double)F[sample] * ((double)P / weight);
                delta_output(y, F[sample]);
                delta_hidden();
                gradient();
            }
            add_squares(squares, (double)P / weight);
            correction(learning_rate * decayed, mean ? (real)weight : 1);
        }
        decayed *= decay;
        costs[e] = sum / (double)samples;
        for (q = 0; q < neurons; q++) all += squares[q];
        penalties[e] = 0.5 * (double)penalty * all / (double)samples;
    }

    for (q = 0; q < debut[L]; q++) put((double)LesPoids[q]);
    for (e = 0; e < epochs; e++) put(costs[e]);
    for (e = 0; e < epochs; e++) put(penalties[e]);
    for (p = 0; p < samples; p++) {
        for (i = 0; i < inputs; i++) TabXCachee[1 + i] = X[p * inputs + i];
        forward(0);
        for (k = 0; k < outputs; k++) put((double)TabOutputSortie[k]);
    }

    for (l = 0; l < L - 1; l++) {
        free(TabOutputCachee[l]);
        free(DeltaCachee[l]);
    }
    free(LesPoids);
    free(Gradient);
    free(TabXCachee);
    free(TabOutputSortie);
    free(DeltaSortie);
    free(tau);
    free(order);
    free(X);
    free(Y);
    free(F);
    free(first);
    free(second);
    free(costs);
    free(penalties);
    free(squares);
}

int main(int argc, char **argv)
{
    int c;

    if (argc != 3) {
        fprintf(stderr, "usage: %s CASES RESULTS\n", argv[0]);
        return 2;
    }
    cases = fopen(argv[1], "rb");
    results = fopen(argv[2], "wb");
    if (cases == NULL || results == NULL) return 2;
    while ((c = fgetc(cases)) != EOF) {
        ungetc(c, cases);
        run();
    }
    fclose(cases);
    return fclose(results) != 0;
}
