/* The loops of kernel.py in C. Layouts are those of `State` and `Program`; every array is dense,
 * row-major and in the machine's own byte order. AXONS = NEURONS = 256. */
#include <stdint.h>
#include <string.h>
#ifdef __AVX512BW__
#include <immintrin.h>
#endif

enum { N = 256, WORDS = 4, SLOTS = 16, TYPES = 4, COUNT_BITS = 9, SAFE = 128 };
enum { V_MIN = -(1 << 19), V_MAX = (1 << 19) - 1 };
static const uint64_t GOLDEN = 0x9E3779B97F4A7C15u;

typedef struct {
    const uint32_t *rows;
    const uint16_t *axons;
    const int16_t *weights, *leak;
    const int32_t *threshold, *floor;
    const uint8_t *modes;
    const int32_t *reset;
    const int64_t *reset_row, *route;
    const uint8_t *special;
    const int16_t *all_weights;
    const uint8_t *reversal, *random_synapse, *random_leak;
    const int32_t *mask;
    int64_t cores;
} Program;

typedef struct {
    int32_t *v;
    uint64_t *fired, *ring;
    int64_t *axon_events, *synaptic_events, *spikes;
    int64_t samples;
} State;

/* The caller compares it: structures of another version would be read wrongly. */
int64_t layout(void) { return (int64_t)(sizeof(Program) << 16 | sizeof(State)); }

static uint64_t *slot(const Program *p, State *s, int64_t tick) {
    return s->ring + tick % SLOTS * s->samples * p->cores * WORDS;
}

void inject(const Program *p, State *s, int64_t tick, int64_t count, const int64_t *sample,
            const int64_t *core, const int64_t *axon) {
    uint64_t *now = slot(p, s, tick);
    for (int64_t k = 0; k < count; k++)
        now[(sample[k] * p->cores + core[k]) * WORDS + axon[k] / 64] |= 1ull << (axon[k] & 63);
}

/* The active axons of a core, ascending; their rows start their way to the cache. */
static int listed(const Program *p, int64_t core, const uint64_t *words, uint8_t *list) {
    int count = 0;
    for (int w = 0; w < WORDS; w++)
        for (uint64_t word = words[w]; word; word &= word - 1) {
            int axon = w * 64 + __builtin_ctzll(word);
            __builtin_prefetch(p->rows + (core * N + axon) * 8);
            list[count++] = (uint8_t)axon;
        }
    return count;
}

#ifdef __AVX512BW__
/* 16-bit sums: SAFE weights of at most 255 stay below 2^15. */
static void add_rows(const Program *p, int64_t core, const uint8_t *list, int count,
                     int32_t *total) {
    for (int first = 0; first < count; first += SAFE) {
        int last = count - first < SAFE ? count : first + SAFE;
        __m512i sum[8];
        for (int k = 0; k < 8; k++) sum[k] = _mm512_setzero_si512();
        for (int i = first; i < last; i++) {
            const uint32_t *row = p->rows + (core * N + list[i]) * 8;
            int type = p->axons[core * N + list[i]] >> COUNT_BITS;
            const int16_t *weight = p->weights + (core * TYPES + type) * N;
            for (int k = 0; k < 8; k++)
                sum[k] = _mm512_mask_add_epi16(sum[k], row[k], sum[k],
                                               _mm512_loadu_si512(weight + 32 * k));
        }
        int16_t narrow[N];
        for (int k = 0; k < 8; k++) _mm512_storeu_si512(narrow + 32 * k, sum[k]);
        for (int n = 0; n < N; n++) total[n] += narrow[n];
    }
}
#else
static void add_rows(const Program *p, int64_t core, const uint8_t *list, int count,
                     int32_t *total) {
    for (int i = 0; i < count; i++) {
        const uint32_t *row = p->rows + (core * N + list[i]) * 8;
        int type = p->axons[core * N + list[i]] >> COUNT_BITS;
        const int16_t *weight = p->weights + (core * TYPES + type) * N;
        for (int k = 0; k < 8; k++)
            for (int b = 0; b < 32; b++)
                total[k * 32 + b] += weight[k * 32 + b] & -(int32_t)(row[k] >> b & 1);
    }
}
#endif

/* 256 bytes of 0 or 1 as bits: the factor gathers the lowest bits of 8 bytes in the highest one. */
static void pack(const uint8_t *spike, uint64_t *words) {
    uint64_t eights[N / 8];
    memcpy(eights, spike, sizeof eights);
    for (int w = 0; w < WORDS; w++) {
        words[w] = 0;
        for (int k = 0; k < 8; k++)
            words[w] |= eights[w * 8 + k] * 0x0102040810204080u >> 56 << 8 * k;
    }
}

/* Leaks, thresholds and resets of a core without special neurons. */
static void settle(const Program *p, int64_t core, const int32_t *restrict total,
                   int32_t *restrict v, uint64_t *words) {
    const int64_t o = core * N;
    const int16_t *leak = p->leak + o;
    const int32_t *threshold = p->threshold + o, *floor = p->floor + o;
    const int32_t *reset = p->reset + p->reset_row[core] * N;
    const uint8_t *modes = p->modes + o;
    uint8_t spike[N];
    int32_t any = 0;
    for (int n = 0; n < N; n++) {
        int32_t x = total[n] + leak[n], top = threshold[n], bottom = -floor[n], mode = modes[n];
        x = x < V_MIN ? V_MIN : x > V_MAX ? V_MAX : x;
        int32_t linear = -(mode & 1), keep = -(mode >> 1 & 1), saturate = -(mode >> 2 & 1);
        int32_t above = -(x >= top), below = -(x < bottom) & ~above;
        int32_t up = ((x - (top & linear)) & keep) + reset[n];
        int32_t down = ((x - (bottom & linear)) & keep) - reset[n];
        down = (bottom & saturate) | (down & ~saturate);
        v[n] = (up & above) | (down & below) | (x & ~(above | below));
        spike[n] = (uint8_t)(above & 1);
        any |= above;
    }
    if (any) pack(spike, words);
    else memset(words, 0, WORDS * sizeof *words);
}

void integrate(const Program *p, State *s, int64_t tick, int64_t first, int64_t last) {
    const uint64_t *now = slot(p, s, tick);
    const int64_t items = (last - first) * s->samples;
    uint8_t lists[2][N];
    int counts[2] = {0, 0};
    for (int64_t item = 0; item <= items; item++) {  /* lists one item while it moves the one before */
        if (item < items) {
            int64_t core = first + item / s->samples;
            int64_t at = item % s->samples * p->cores + core;
            counts[item & 1] = listed(p, core, now + at * WORDS, lists[item & 1]);
        }
        if (item == 0) continue;
        int64_t core = first + (item - 1) / s->samples;
        int64_t at = (item - 1) % s->samples * p->cores + core;
        const uint8_t *list = lists[(item - 1) & 1];
        int count = counts[(item - 1) & 1];
        int32_t total[N], *v = s->v + at * N;
        memcpy(total, v, sizeof total);
        add_rows(p, core, list, count, total);
        s->axon_events[core] += count;
        for (int i = 0; i < count; i++)
            s->synaptic_events[core] += p->axons[core * N + list[i]] & ((1 << COUNT_BITS) - 1);
        if (p->special[core]) memcpy(v, total, sizeof total);
        else settle(p, core, total, v, s->fired + at * WORDS);
    }
}

void deliver(const Program *p, State *s, int64_t tick) {
    const int64_t words = s->samples * p->cores * WORDS;
    memset(slot(p, s, tick), 0, words * sizeof(uint64_t));
    for (int64_t sample = 0; sample < s->samples; sample++)
        for (int64_t core = 0; core < p->cores; core++) {
            const uint64_t *fired = s->fired + (sample * p->cores + core) * WORDS;
            uint64_t *ring = s->ring + sample * p->cores * WORDS;
            for (int w = 0; w < WORDS; w++) {
                s->spikes[core] += __builtin_popcountll(fired[w]);
                for (uint64_t word = fired[w]; word; word &= word - 1) {
                    int64_t way = p->route[core * N + w * 64 + __builtin_ctzll(word)];
                    if (way < 0) continue;
                    int64_t axon = way >> 4 & 255, then = (tick + (way & 15)) % SLOTS;
                    ring[then * words + (way >> 12) * WORDS + axon / 64] |= 1ull << (axon & 63);
                }
            }
        }
}

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static int64_t sign(int64_t x) { return (x > 0) - (x < 0); }

static int64_t drawn(uint64_t *state) {
    *state += GOLDEN;
    return (int64_t)(mix(*state) >> 32);
}

static int64_t chance(int64_t amount, uint64_t *state) {
    return (amount < 0 ? -amount : amount) >= (drawn(state) & 255) ? sign(amount) : 0;
}

/* What a neuron's random synapses add, in the order of axons. */
static int64_t random_sum(const Program *p, int64_t core, int neuron, const uint64_t *words,
                          uint64_t *state) {
    const int64_t o = (core * N + neuron) * TYPES;
    int64_t total = 0;
    for (int w = 0; w < WORDS; w++)
        for (uint64_t word = words[w]; word; word &= word - 1) {
            int64_t axon = core * N + w * 64 + __builtin_ctzll(word);
            int type = p->axons[axon] >> COUNT_BITS;
            if ((p->rows[axon * 8 + neuron / 32] >> (neuron & 31) & 1) && p->random_synapse[o + type])
                total += chance(p->all_weights[o + type], state);
        }
    return total;
}

/* One special neuron from its deterministic sum; whether it spikes. */
static uint8_t finish(const Program *p, int64_t core, int neuron, const uint64_t *words,
                      uint64_t key, int32_t *v) {
    const int64_t o = core * N + neuron;
    uint64_t state = mix(key + (uint64_t)(neuron + 1) * GOLDEN);
    int64_t x = *v + random_sum(p, core, neuron, words, &state);
    int64_t leak = p->random_leak[o] ? chance(p->leak[o], &state) : p->leak[o];
    x += p->reversal[o] ? leak * sign(x) : leak;
    x = x < V_MIN ? V_MIN : x > V_MAX ? V_MAX : x;
    int64_t noise = p->mask[o] ? drawn(&state) & p->mask[o] : 0;
    int64_t top = p->threshold[o] + noise, bottom = -p->floor[o];
    int64_t linear = -(p->modes[o] & 1), keep = -(p->modes[o] >> 1 & 1);
    int64_t back = p->reset[p->reset_row[core] * N + neuron];
    uint8_t spike = x >= top;
    if (spike) x = ((x - (top & linear)) & keep) + back;
    else if (p->modes[o] & 4) x = x < bottom ? bottom : x;
    else if (x < bottom - noise) x = ((x - ((bottom - noise) & linear)) & keep) - back;
    *v = (int32_t)x;
    return spike;
}

void finish_special(const Program *p, State *s, int64_t tick, int64_t first, int64_t last,
                    const uint64_t *keys) {
    const uint64_t *now = slot(p, s, tick);
    uint8_t spike[N];
    for (int64_t core = first; core < last; core++) {
        if (!p->special[core]) continue;
        for (int64_t sample = 0; sample < s->samples; sample++) {
            int64_t at = sample * p->cores + core;
            for (int n = 0; n < N; n++)
                spike[n] = finish(p, core, n, now + at * WORDS, keys[at], s->v + at * N + n);
            pack(spike, s->fired + at * WORDS);
        }
    }
}
