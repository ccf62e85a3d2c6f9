namespace IsVit.Runtime.Products;

/// <summary>Tiles of six rows by one panel in plain C#, for processors without vectors. They define what the others compute.</summary>
internal static unsafe class ScalarTiles
{
    public static void Bytes1(byte* x, nint xStride, sbyte* w, nint panelStride, int steps, int run, int* sums) => Dots1(x, xStride, w, panelStride, steps, sums);

    public static void Dots1(byte* x, nint xStride, sbyte* w, nint panelStride, int steps, int* sums)
    {
        for (var row = 0; row < Tiles.Rows; row++, x += xStride, sums += Panel.Width)
        {
            new Span<int>(sums, Panel.Width).Clear();
            for (var step = 0; step < steps; step++)
            {
                for (var column = 0; column < Panel.Width; column++)
                {
                    for (var k = 0; k < 4; k++)
                    {
                        sums[column] += x[(step * 4) + k] * w[(((step * Panel.Width) + column) * 4) + k];
                    }
                }
            }
        }
    }

    public static void Shorts1(short* x, nint xStride, sbyte* w, nint panelStride, int steps, int* sums)
    {
        for (var row = 0; row < Tiles.Rows; row++, x += xStride, sums += Panel.Width)
        {
            new Span<int>(sums, Panel.Width).Clear();
            for (var step = 0; step < steps; step++)
            {
                for (var column = 0; column < Panel.Width; column++)
                {
                    for (var k = 0; k < 2; k++)
                    {
                        sums[column] += x[(step * 2) + k] * w[(((step * Panel.Width) + column) * 2) + k];
                    }
                }
            }
        }
    }

    public static void Floats1(float* x, nint xStride, float* w, nint panelStride, int steps, float* sums)
    {
        for (var row = 0; row < Tiles.Rows; row++, x += xStride, sums += Panel.Width)
        {
            new Span<float>(sums, Panel.Width).Clear();
            for (var step = 0; step < steps; step++)
            {
                for (var column = 0; column < Panel.Width; column++)
                {
                    sums[column] = MathF.FusedMultiplyAdd(x[step], w[(step * Panel.Width) + column], sums[column]);
                }
            }
        }
    }
}
