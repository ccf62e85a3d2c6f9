using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>
/// Self-attention within windows, with a bias for each relative position (Liu et al., arXiv 2103.14030, eq. 4), whose two products and softmax are modules; timm's
/// names: <c>qkv</c>, <c>proj</c>, <c>relative_position_bias_table</c>.
/// </summary>
public sealed class WindowAttention : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Linear qkv;
    private readonly MatMul qk;
    private readonly Softmax softmax;
    private readonly MatMul av;
    private readonly Linear proj;
    private readonly Dropout? proj_drop;
    private readonly int _headCount;
    private readonly double _scale;
    private readonly WindowLayout _layout;
    private readonly ConstantTensor _positions;

    // Not readonly: moving to another device or type replaces it.
    private Parameter relative_position_bias_table;

    internal WindowAttention(int dim, int headCount, WindowLayout layout, bool qkvBias, double dropoutRate)
        : base(nameof(WindowAttention))
    {
        (_headCount, _layout) = (headCount, layout);
        _scale = 1 / Math.Sqrt(dim / headCount);
        qkv = torch.nn.Linear(dim, 3 * dim, qkvBias);
        qk = new MatMul();
        softmax = torch.nn.Softmax(-1);
        av = new MatMul();
        proj = torch.nn.Linear(dim, dim);
        proj_drop = dropoutRate > 0 ? torch.nn.Dropout(dropoutRate) : null;
        var reach = (2 * layout.Window) - 1;
        relative_position_bias_table = LongLived.Parameter(torch.zeros(reach * reach, headCount));
        RegisterComponents();

        _positions = new ConstantTensor(() => torch.tensor(WindowGrid.RelativePositions(layout.Window)));
    }

    /// <summary>The number of heads.</summary>
    internal int HeadCount => _headCount;

    /// <summary>How maps are cut into windows.</summary>
    internal WindowLayout Layout => _layout;

    /// <summary>The query, key and value projections as one layer.</summary>
    public Linear Qkv => qkv;

    /// <summary>Scaled queries [batch x windows, heads, tokens, head width] times transposed keys [batch x windows, heads, head width, tokens].</summary>
    public MatMul Qk => qk;

    /// <summary>The softmax over the keys.</summary>
    public Softmax Softmax => softmax;

    /// <summary>Attention [batch x windows, heads, tokens, tokens] times values [batch x windows, heads, tokens, head width].</summary>
    public MatMul Av => av;

    /// <summary>The output projection.</summary>
    public Linear Proj => proj;

    /// <summary>The bias of each relative position and head, [(2 window - 1)^2, heads].</summary>
    public Parameter RelativePositionBiasTable => relative_position_bias_table;

    /// <summary>Declares the locations of the heads, for a graph that contains this module.</summary>
    /// <param name="path">The module's path, or a pattern that matches it and others of the same structure.</param>
    public AttentionDeclaration Declare(string path) => FusedHeads.Declare(qkv, _headCount, path);

    /// <summary>Cuts a map of tokens into windows, computes attention over the tokens of each, and joins the windows.</summary>
    /// <param name="input">[batch, rows, columns, width].</param>
    /// <returns>Shape of <paramref name="input"/>.</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var grid = _layout.Of(input.shape[1], input.shape[2]);
        var (query, key, value) = FusedHeads.Split(qkv.call(grid.Cut(input)), _headCount, _scale);
        var scores = Bias(grid, qk.call(query, key)); // [batch x windows, heads, tokens, tokens]
        var mixed = FusedHeads.Join(av.call(softmax.call(scores), value));
        var output = proj.call(mixed);
        if (proj_drop is not null && training)
        {
            output = proj_drop.call(output);
        }

        return scope.MoveToOuter(grid.Join(output));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _positions.Dispose();
            _layout.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>What is added to the scores: [heads, tokens, tokens], or where windows are masked [windows of an image, heads, tokens, tokens].</summary>
    /// <param name="grid">The windows of the map.</param>
    internal torch.Tensor ScoreBias(WindowGrid grid)
    {
        using var scope = torch.NewDisposeScope();
        var positions = _positions.In(torch.ScalarType.Int64, relative_position_bias_table.device);
        var tokens = (long)Math.Sqrt(positions.shape[0]);
        var bias = relative_position_bias_table.index_select(0, positions)
            .reshape(tokens, tokens, _headCount)
            .permute(2, 0, 1); // [heads, tokens, tokens]
        return scope.MoveToOuter(grid.Mask(bias.dtype, bias.device)?.Plus(bias) ?? bias);
    }

    private torch.Tensor Bias(WindowGrid grid, torch.Tensor scores)
    {
        var bias = ScoreBias(grid);
        return bias.dim() == 3 ? scores.Plus(bias) : scores.reshape([-1, .. bias.shape]).Plus(bias).reshape(scores.shape);
    }
}
