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
    private readonly ConstantTensor _positions;
    private readonly ConstantTensor? _mask;

    // Not readonly: moving to another device or type replaces it.
    private Parameter relative_position_bias_table;

    internal WindowAttention(int dim, int headCount, WindowGrid grid, bool qkvBias, double dropoutRate)
        : base(nameof(WindowAttention))
    {
        _headCount = headCount;
        _scale = 1 / Math.Sqrt(dim / headCount);
        qkv = torch.nn.Linear(dim, 3 * dim, qkvBias);
        qk = new MatMul();
        softmax = torch.nn.Softmax(-1);
        av = new MatMul();
        proj = torch.nn.Linear(dim, dim);
        proj_drop = dropoutRate > 0 ? torch.nn.Dropout(dropoutRate) : null;
        var reach = (2 * grid.Window) - 1;
        relative_position_bias_table = LongLived.Parameter(torch.zeros(reach * reach, headCount));
        RegisterComponents();

        _positions = new ConstantTensor(() => torch.tensor(grid.RelativePositions()));
        _mask = grid.Mask() is { } mask ? new ConstantTensor(() => torch.tensor(mask).unsqueeze(1)) : null; // [windows, 1, tokens, tokens]
    }

    /// <summary>The number of heads.</summary>
    internal int HeadCount => _headCount;

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

    /// <summary>Computes attention over the tokens of each window.</summary>
    /// <param name="input">[batch x windows, tokens of a window, width], the windows of one image one after the other.</param>
    /// <returns>Shape of <paramref name="input"/>.</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var (query, key, value) = FusedHeads.Split(qkv.call(input), _headCount, _scale);
        var scores = Bias(qk.call(query, key)); // [batch x windows, heads, tokens, tokens]
        var mixed = FusedHeads.Join(av.call(softmax.call(scores), value));
        var output = proj.call(mixed);
        if (proj_drop is not null && training)
        {
            output = proj_drop.call(output);
        }

        return scope.MoveToOuter(output);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _positions.Dispose();
            _mask?.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>What is added to the scores: [heads, tokens, tokens], or where windows are masked [windows of an image, heads, tokens, tokens].</summary>
    internal torch.Tensor ScoreBias()
    {
        using var scope = torch.NewDisposeScope();
        var positions = _positions.In(torch.ScalarType.Int64, relative_position_bias_table.device);
        var tokens = (long)Math.Sqrt(positions.shape[0]);
        var bias = relative_position_bias_table.index_select(0, positions)
            .reshape(tokens, tokens, _headCount)
            .permute(2, 0, 1); // [heads, tokens, tokens]
        return scope.MoveToOuter(_mask is null ? bias : _mask.In(bias.dtype, bias.device).Plus(bias));
    }

    private torch.Tensor Bias(torch.Tensor scores)
    {
        var bias = ScoreBias();
        return _mask is null ? scores.Plus(bias) : scores.reshape([-1, .. bias.shape]).Plus(bias).reshape(scores.shape);
    }
}
