/* The network as a C programmer would write it: dense loops, one sample after the other.

   Made for gcc -O3 -march=native -ffast-math. n[0] to n[layers] are the layers' sizes. The parameters w of layer l are
   n[l] + 1 rows of n[l + 1], the bias's first; all layers follow each other, as do the outputs u of all layers but the
   inputs', and their errors delta. */

#include <math.h>
#include <stdint.h>
#include <string.h>

static void forward(int64_t layers, const int64_t *n, const float *restrict w, const float *x, float *u)
{
    for (int64_t l = 0; l < layers; l++) {
        const int64_t m = n[l + 1];
        float *restrict out = u;
        for (int64_t j = 0; j < m; j++)
            out[j] = w[j];
        w += m;
        for (int64_t i = 0; i < n[l]; i++, w += m)
            for (int64_t j = 0; j < m; j++)
                out[j] += x[i] * w[j];
        if (l + 1 < layers) {
            for (int64_t j = 0; j < m; j++)
                out[j] = 1.0f / (1.0f + expf(-out[j]));
        } else {
            float largest = out[0], sum = 0;
            for (int64_t j = 1; j < m; j++)
                largest = out[j] > largest ? out[j] : largest;
            for (int64_t j = 0; j < m; j++)
                sum += out[j] = expf(out[j] - largest);
            for (int64_t j = 0; j < m; j++)
                out[j] /= sum;
        }
        x = u;
        u += m;
    }
}

/* The errors of all layers. w, u and delta point behind their ends. */
static void backward(int64_t layers, const int64_t *n, const float *w, const float *u, float *delta, int64_t label)
{
    u -= n[layers];
    delta -= n[layers];
    for (int64_t k = 0; k < n[layers]; k++)
        delta[k] = u[k] - (k == label);
    for (int64_t l = layers - 1; l > 0; l--) {
        const int64_t m = n[l + 1];
        const float *behind = delta;
        w -= n[l] * m;
        u -= n[l];
        delta -= n[l];
        for (int64_t j = 0; j < n[l]; j++) {
            float sum = 0;
            for (int64_t k = 0; k < m; k++)
                sum += w[j * m + k] * behind[k];
            delta[j] = sum * u[j] * (1 - u[j]);
        }
        w -= m;
    }
}

/* g += factor * gradient of one sample. */
static void add_gradient(int64_t layers, const int64_t *n, float *restrict g, float factor, const float *x,
                         const float *u, const float *delta)
{
    for (int64_t l = 0; l < layers; l++) {
        const int64_t m = n[l + 1];
        for (int64_t j = 0; j < m; j++)
            g[j] += factor * delta[j];
        g += m;
        for (int64_t i = 0; i < n[l]; i++, g += m)
            for (int64_t j = 0; j < m; j++)
                g[j] += factor * x[i] * delta[j];
        x = u;
        u += m;
        delta += m;
    }
}

/* Train on samples order[0] to order[count - 1]. g: as large as w. */
void epoch(int64_t layers, const int64_t *n, float *w, float *g, float *u, float *delta, const float *images,
           const uint8_t *labels, const int64_t *order, int64_t count, int64_t batch, float rate)
{
    int64_t parameters = 0, outputs = 0;
    for (int64_t l = 0; l < layers; l++) {
        parameters += (n[l] + 1) * n[l + 1];
        outputs += n[l + 1];
    }
    for (int64_t first = 0; first < count; first += batch) {
        const int64_t last = first + batch < count ? first + batch : count;
        if (batch > 1)
            memset(g, 0, parameters * sizeof *g);
        for (int64_t q = first; q < last; q++) {
            const float *x = images + order[q] * n[0];
            forward(layers, n, w, x, u);
            backward(layers, n, w + parameters, u + outputs, delta + outputs, labels[order[q]]);
            if (batch > 1)
                add_gradient(layers, n, g, 1, x, u, delta);
            else
                add_gradient(layers, n, w, -rate, x, u, delta);
        }
        if (batch > 1)
            for (int64_t k = 0; k < parameters; k++)
                w[k] -= rate / (last - first) * g[k];
    }
}

void predict(int64_t layers, const int64_t *n, const float *w, float *u, const float *images, int64_t count,
             int64_t *answers)
{
    int64_t before = 0;
    for (int64_t l = 1; l < layers; l++)
        before += n[l];
    for (int64_t p = 0; p < count; p++) {
        forward(layers, n, w, images + p * n[0], u);
        answers[p] = 0;
        for (int64_t k = 1; k < n[layers]; k++)
            if (u[before + k] > u[before + answers[p]])
                answers[p] = k;
    }
}
