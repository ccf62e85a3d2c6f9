// Fake quantization in one pass over the elements: compiled at run time, one kernel at a time, without any header.
// Every operation on numbers is an IEEE one that names its rounding, or a guess that such operations prove, so that each bit is that of the separate tensor operations.

// A warp's loads and stores are 16 bytes a thread; a thread loads this many before it works on the first.
static const int Unroll = 2;

// The arrays that a pass runs over. Laid out as in ElementSpan.cs.
struct Elements
{
    const void* x;
    const void* gradient;
    void* output;
    long long count;
    long long packs;
    int head;    // elements before the output's first multiple of 16 bytes
    int aligned; // bit 0: the packs of x are multiples of 16 bytes, bit 1: those of the gradient
};

// Division of numbers below 2^31 without one. Laid out as in KernelParameters.cs.
struct Divisor
{
    unsigned int multiplier;
    unsigned int shift;

    __device__ __forceinline__ unsigned int divide(unsigned int n) const { return __umulhi(2 * n, multiplier) >> shift; }
};

// Laid out as in KernelParameters.cs.
struct UniformParameters
{
    const float* scale;
    const float* zeroPoint;
    long long inner;
    unsigned int channels;
    float maxCode;
    Divisor byInner;
    Divisor byChannels;
};

// Laid out as in KernelParameters.cs.
struct TableParameters
{
    const float* thresholds;
    const float* levels;
    int thresholdCount;
    float lowest;
    float highest;
    float shift;
};

// Types: how one is stored, and how it becomes a float and is made of one.

struct Float32
{
    typedef unsigned int Raw;
    static __device__ __forceinline__ float widen(Raw raw) { return __uint_as_float(raw); }
    static __device__ __forceinline__ Raw narrow(float x) { return __float_as_uint(x); }
};

struct Float16
{
    typedef unsigned short Raw;

    static __device__ __forceinline__ float widen(Raw raw)
    {
        float x;
        asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(raw));
        return x;
    }

    static __device__ __forceinline__ Raw narrow(float x)
    {
        Raw raw;
        asm("cvt.rn.f16.f32 %0, %1;" : "=h"(raw) : "f"(x));
        return raw;
    }
};

struct BFloat16
{
    typedef unsigned short Raw;
    static __device__ __forceinline__ float widen(Raw raw) { return __uint_as_float((unsigned int)raw << 16); }

    static __device__ __forceinline__ Raw narrow(float x)
    {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
        Raw raw;
        asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(raw) : "f"(x));
        return raw;
#else
        unsigned int bits = __float_as_uint(x);
        return x != x ? (Raw)0x7FFF : (Raw)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
#endif
    }
};

// 16 bytes of elements.
template <typename Type>
struct Pack
{
    typedef typename Type::Raw Raw;
    static const int Count = 16 / sizeof(Raw);
    unsigned int words[4];

    __device__ __forceinline__ Raw get(int i) const { return Count == 4 ? (Raw)words[i] : (Raw)(words[i / 2] >> (16 * (i % 2))); }

    __device__ __forceinline__ void set(int i, Raw raw)
    {
        if (Count == 4) words[i] = raw;
        else if (i % 2 == 0) words[i / 2] = raw;
        else words[i / 2] |= (unsigned int)raw << 16;
    }

    __device__ __forceinline__ void load(const void* from, long long i, bool aligned)
    {
        const Raw* elements = (const Raw*)from + i;
        if (aligned)
        {
            uint4 v = __ldg((const uint4*)elements);
            words[0] = v.x, words[1] = v.y, words[2] = v.z, words[3] = v.w;
            return;
        }

#pragma unroll
        for (int j = 0; j < Count; j++) set(j, __ldg(elements + j));
    }

    __device__ __forceinline__ void store(void* to, long long i) const
    {
        // A compiler makes four stores of an assignment.
        asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};"
                     : : "l"((Raw*)to + i), "r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3]) : "memory");
    }
};

// Runs an operation over the elements: packs by every thread of the grid, what lies before the first and after the last pack one by one.
// The operation's prepare() may wait for the whole block; the first packs are on their way by then.
template <typename Type, typename Operation>
static __device__ __forceinline__ void run(const Elements& e, Operation operation)
{
    typedef Pack<Type> P;
    const long long step = (long long)gridDim.x * blockDim.x * Unroll;
    long long first = (long long)blockIdx.x * blockDim.x * Unroll + threadIdx.x;
    P x[Unroll], gradient[Unroll];
    bool more = false;

    auto load = [&]()
    {
        more = first < e.packs;
#pragma unroll
        for (int u = 0; u < Unroll; u++)
        {
            long long p = first + u * blockDim.x;
            if (p < e.packs)
            {
                x[u].load(e.x, e.head + p * P::Count, e.aligned & 1);
                if (Operation::Backward) gradient[u].load(e.gradient, e.head + p * P::Count, e.aligned & 2);
            }
        }
    };

    load();
    operation.prepare();
    while (more)
    {
#pragma unroll
        for (int u = 0; u < Unroll; u++)
        {
            long long p = first + u * blockDim.x;
            if (p < e.packs)
            {
                P output;
                operation.template apply<Type, P::Count>(
                    e.head + p * P::Count,
                    [&](int j) { return x[u].get(j); },
                    [&](int j) { return gradient[u].get(j); },
                    [&](int j, typename P::Raw raw) { output.set(j, raw); });
                output.store(e.output, e.head + p * P::Count);
            }
        }

        first += step;
        load();
    }

    const long long edge = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    const long long packed = e.packs * P::Count;
    if (edge < e.count - packed)
    {
        typedef typename P::Raw Raw;
        const long long i = edge < e.head ? edge : packed + edge;
        operation.template apply<Type, 1>(
            i,
            [&](int) { return ((const Raw*)e.x)[i]; },
            [&](int) { return ((const Raw*)e.gradient)[i]; },
            [&](int, Raw raw) { ((Raw*)e.output)[i] = raw; });
    }
}

// A number between 0 and a largest; a NaN passes.
static __device__ __forceinline__ float clamp(float x, float largest)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(x) : "f"(x), "f"(0.0f));
    asm("min.NaN.f32 %0, %1, %2;" : "=f"(x) : "f"(x), "f"(largest));
    return x;
#else
    x = x < 0.0f ? 0.0f : x;
    return x > largest ? largest : x;
#endif
}

// How channels meet packs.
enum Layout
{
    PerTensor, // one channel
    PerPack,   // every pack lies in one channel
    Last,      // channels side by side, a pack's parameters are multiples of 16 bytes
    Any
};

// The scale and zero point of consecutive elements.
template <int L>
struct Grid
{
    UniformParameters parameters;
    bool small; // 32-bit indices
    float scale, zeroPoint;

    __device__ Grid(const Elements& e, const UniformParameters& p) : parameters(p), small(e.count <= 0x7FFFFFFFLL) {}

    __device__ __forceinline__ void prepare()
    {
        if (L == PerTensor)
        {
            scale = __ldg(parameters.scale);
            zeroPoint = __ldg(parameters.zeroPoint);
        }
    }

    template <int N>
    __device__ __forceinline__ void at(long long i, float (&s)[N], float (&z)[N]) const
    {
        if (L == PerTensor)
        {
#pragma unroll
            for (int j = 0; j < N; j++) s[j] = scale, z[j] = zeroPoint;
            return;
        }

        unsigned int channel;
        long long left;
        find(i, channel, left);
        if (L == Last && N % 4 == 0)
        {
#pragma unroll
            for (int j = 0; j < N; j += 4)
            {
                float4 v = __ldg((const float4*)(parameters.scale + channel + j));
                float4 w = __ldg((const float4*)(parameters.zeroPoint + channel + j));
                s[j] = v.x, s[j + 1] = v.y, s[j + 2] = v.z, s[j + 3] = v.w;
                z[j] = w.x, z[j + 1] = w.y, z[j + 2] = w.z, z[j + 3] = w.w;
            }

            return;
        }

        s[0] = __ldg(parameters.scale + channel);
        z[0] = __ldg(parameters.zeroPoint + channel);
#pragma unroll
        for (int j = 1; j < N; j++)
        {
            s[j] = s[j - 1], z[j] = z[j - 1];
            if (L != PerPack && --left == 0)
            {
                left = parameters.inner;
                channel = channel + 1 == parameters.channels ? 0 : channel + 1;
                s[j] = __ldg(parameters.scale + channel);
                z[j] = __ldg(parameters.zeroPoint + channel);
            }
        }
    }

    // Codes before clamping, with the scale and zero point of each element: the quotient, rounded as a division rounds it, to the nearest integer, and the zero point. That gives the released code's
    // codes at every tie, as a multiplication by the reciprocal would not. Elsewhere a reciprocal gives the same integer, and what lies between x and that multiple of the scale proves it: less
    // than half a scale, by more than the rounding of the quotient moves.
    template <typename Type, int N, typename X>
    __device__ __forceinline__ void positions(long long i, X x, float (&s)[N], float (&z)[N], float (&position)[N]) const
    {
        at(i, s, z);
        bool proved = true;
#pragma unroll
        for (int j = 0; j < N; j++)
        {
            float v = Type::widen(x(j)), reciprocal;
            asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(reciprocal) : "f"(s[j]));

            // 1.5 x 2^23 has no bit for a fraction. What is too large for it is not proved, nor is what is no number.
            position[j] = __fsub_rn(__fmaf_rn(v, reciprocal, 12582912.0f), 12582912.0f);
            float rest = __fmaf_rn(-position[j], s[j], v);
            proved &= __fmaf_rn(fabsf(v), 2.384185791015625e-7f, fabsf(rest)) < __fmul_rn(0.5f, s[j]);
        }

        if (!proved)
        {
#pragma unroll
            for (int j = 0; j < N; j++) position[j] = rintf(__fdiv_rn(Type::widen(x(j)), s[j]));
        }

#pragma unroll
        for (int j = 0; j < N; j++) position[j] = __fadd_rn(position[j], z[j]);
    }

    // The channel of an element, and how many elements from it on lie in the channel side by side.
    __device__ __forceinline__ void find(long long i, unsigned int& channel, long long& left) const
    {
        if (small)
        {
            unsigned int inner = (unsigned int)parameters.inner, run = L == Last ? (unsigned int)i : parameters.byInner.divide((unsigned int)i);
            channel = run - parameters.byChannels.divide(run) * parameters.channels;
            left = inner - ((unsigned int)i - run * inner);
        }
        else
        {
            long long run = i / parameters.inner;
            channel = (unsigned int)(run % parameters.channels);
            left = parameters.inner - (i - run * parameters.inner);
        }
    }
};

// scale (clamp(round(x / scale) + zero point, 0, max) - zero point)
template <int L>
struct UniformForward
{
    typedef UniformParameters Parameters;
    static const bool Backward = false;
    Grid<L> grid;

    __device__ UniformForward(const Elements& e, const Parameters& p) : grid(e, p) {}

    __device__ __forceinline__ void prepare() { grid.prepare(); }

    template <typename Type, int N, typename X, typename Gradient, typename Output>
    __device__ __forceinline__ void apply(long long i, X x, Gradient, Output output) const
    {
        float s[N], z[N], codes[N];
        grid.template positions<Type>(i, x, s, z, codes);
#pragma unroll
        for (int j = 0; j < N; j++)
        {
            output(j, Type::narrow(__fmul_rn(__fsub_rn(clamp(codes[j], grid.parameters.maxCode), z[j]), s[j])));
        }
    }
};

// The gradient where the position is a code, 0 elsewhere.
template <int L>
struct UniformBackward
{
    typedef UniformParameters Parameters;
    static const bool Backward = true;
    Grid<L> grid;

    __device__ UniformBackward(const Elements& e, const Parameters& p) : grid(e, p) {}

    __device__ __forceinline__ void prepare() { grid.prepare(); }

    template <typename Type, int N, typename X, typename Gradient, typename Output>
    __device__ __forceinline__ void apply(long long i, X x, Gradient gradient, Output output) const
    {
        float s[N], z[N], codes[N];
        grid.template positions<Type>(i, x, s, z, codes);
#pragma unroll
        for (int j = 0; j < N; j++)
        {
            output(j, codes[j] >= 0.0f && codes[j] <= grid.parameters.maxCode ? gradient(j) : (typename Type::Raw)0);
        }
    }
};

// The block's copy of a table of up to 2^Depth levels: thresholds as a search tree in the order of its rows, so that a row's probes of up to 32 nodes meet
// in no bank of shared memory; its top in registers.
template <int Depth>
struct Table
{
    static const int Size = 1 << Depth;
    const float* thresholds;
    const unsigned int* levels;
    float root, left, right;

    // Levels are stored as the words that convert() gives. Waits for the block.
    template <typename Convert>
    __device__ __forceinline__ void prepare(const TableParameters& t, Convert convert)
    {
        __shared__ float sharedThresholds[Size];
        __shared__ unsigned int sharedLevels[Size];
        for (int node = threadIdx.x; node < Size; node += blockDim.x)
        {
            int row = 31 - __clz(node | 1);
            int sorted = (2 * (node - (1 << row)) + 1) * (Size >> (row + 1)) - 1;

            // Nothing reaches a NaN.
            sharedThresholds[node] = node > 0 && sorted < t.thresholdCount ? t.thresholds[sorted] : __uint_as_float(0x7FC00000u);
            sharedLevels[node] = node <= t.thresholdCount ? convert(t.levels[node]) : 0u;
        }

        __syncthreads();
        thresholds = sharedThresholds;
        levels = sharedLevels;
        root = thresholds[1], left = thresholds[2], right = thresholds[3];
    }

    // The level's word; that of the first level for a NaN.
    __device__ __forceinline__ unsigned int find(float x) const
    {
        // Offsets in bytes: node n is followed by nodes 2 n and 2 n + 1.
        bool above = x >= root;
        unsigned int node = (above ? 24 : 16) + (x >= (above ? right : left) ? 4 : 0);
#pragma unroll
        for (int row = 2; row < Depth; row++) node = 2 * node + (x >= *(const float*)((const char*)thresholds + node) ? 4 : 0);
        return *(const unsigned int*)((const char*)levels + (node - 4 * Size));
    }
};

// Every number's level; a NaN stays one.
template <typename Type, int Depth>
struct TableForward
{
    typedef TableParameters Parameters;
    static const bool Backward = false;
    Parameters parameters;
    Table<Depth> table;

    __device__ TableForward(const Elements&, const Parameters& p) : parameters(p) {}

    __device__ __forceinline__ void prepare()
    {
        table.prepare(parameters, [](float level) { return (unsigned int)Type::narrow(level); });
    }

    template <typename, int N, typename X, typename Gradient, typename Output>
    __device__ __forceinline__ void apply(long long, X x, Gradient, Output output) const
    {
#pragma unroll
        for (int j = 0; j < N; j++)
        {
            float v = Type::widen(x(j));
            typename Type::Raw level = (typename Type::Raw)table.find(v);
            output(j, v != v ? x(j) : level);
        }
    }
};

// The gradient inside the range, 0 outside.
struct TableBackwardOne
{
    typedef TableParameters Parameters;
    static const bool Backward = true;
    Parameters parameters;

    __device__ TableBackwardOne(const Elements&, const Parameters& p) : parameters(p) {}

    __device__ __forceinline__ void prepare() {}

    template <typename Type, int N, typename X, typename Gradient, typename Output>
    __device__ __forceinline__ void apply(long long, X x, Gradient gradient, Output output) const
    {
#pragma unroll
        for (int j = 0; j < N; j++)
        {
            float v = Type::widen(x(j));
            output(j, v >= parameters.lowest && v <= parameters.highest ? gradient(j) : (typename Type::Raw)0);
        }
    }
};

// gradient (level + shift) / (x + shift) inside the range, 0 outside.
template <int Depth>
struct TableBackwardRatio
{
    typedef TableParameters Parameters;
    static const bool Backward = true;
    Parameters parameters;
    Table<Depth> table;

    __device__ TableBackwardRatio(const Elements&, const Parameters& p) : parameters(p) {}

    __device__ __forceinline__ void prepare()
    {
        float shift = parameters.shift;
        table.prepare(parameters, [shift](float level) { return __float_as_uint(__fadd_rn(level, shift)); });
    }

    template <typename Type, int N, typename X, typename Gradient, typename Output>
    __device__ __forceinline__ void apply(long long, X x, Gradient gradient, Output output) const
    {
#pragma unroll
        for (int j = 0; j < N; j++)
        {
            float v = Type::widen(x(j));
            float slope = __fdiv_rn(__uint_as_float(table.find(v)), __fadd_rn(v, parameters.shift));
            float passed = __fmul_rn(slope, Type::widen(gradient(j)));
            output(j, Type::narrow(v >= parameters.lowest && v <= parameters.highest ? passed : 0.0f));
        }
    }
};

// One kernel a compilation: TYPE and OPERATION are defined by whoever compiles.
extern "C" __global__ void __launch_bounds__(256) fake_quantize(Elements e, OPERATION::Parameters parameters)
{
    run<TYPE>(e, OPERATION(e, parameters));
}
