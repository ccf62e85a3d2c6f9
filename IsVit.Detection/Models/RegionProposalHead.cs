using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Detection.Models;

/// <summary>
/// The network that proposes regions (Ren et al., arXiv 1506.01497), whose layers run once for each level of a pyramid; MMDetection's names: <c>rpn_conv</c>, <c>rpn_cls</c>, <c>rpn_reg</c>.
/// </summary>
public sealed class RegionProposalHead : torch.nn.Module<torch.Tensor[], (torch.Tensor[] Scores, torch.Tensor[] Deltas)>
{
    private readonly Conv2d rpn_conv;
    private readonly Conv2d rpn_cls;
    private readonly Conv2d rpn_reg;

    internal RegionProposalHead(int channels, int anchorCount)
        : base(nameof(RegionProposalHead))
    {
        using var scope = torch.NewDisposeScope();
        rpn_conv = torch.nn.Conv2d(channels, channels, 3, padding: 1);
        rpn_cls = torch.nn.Conv2d(channels, anchorCount, 1);
        rpn_reg = torch.nn.Conv2d(channels, 4 * anchorCount, 1);
        RegisterComponents();
        foreach (var convolution in new[] { rpn_conv, rpn_cls, rpn_reg })
        {
            torch.nn.init.normal_(convolution.weight!, std: 0.01);
            torch.nn.init.zeros_(convolution.bias!);
        }
    }

    /// <summary>The 3 x 3 convolution, followed by a ReLU.</summary>
    public Conv2d RpnConv => rpn_conv;

    /// <summary>The convolution that outputs a logit for each anchor.</summary>
    public Conv2d RpnCls => rpn_cls;

    /// <summary>The convolution that outputs four differences for each anchor.</summary>
    public Conv2d RpnReg => rpn_reg;

    /// <summary>Rates the anchors of every level, and says where the objects are relative to them.</summary>
    /// <param name="input">Levels [batch, channels, rows, columns].</param>
    /// <returns>For each level logits [batch, anchors, rows, columns] and differences [batch, 4 anchors, rows, columns].</returns>
    public override (torch.Tensor[] Scores, torch.Tensor[] Deltas) forward(torch.Tensor[] input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var (scores, deltas) = (new torch.Tensor[input.Length], new torch.Tensor[input.Length]);
        for (var i = 0; i < input.Length; i++)
        {
            var x = torch.nn.functional.relu(rpn_conv.call(input[i]));
            (scores[i], deltas[i]) = (scope.MoveToOuter(rpn_cls.call(x)), scope.MoveToOuter(rpn_reg.call(x)));
        }

        return (scores, deltas);
    }

    /// <summary>What was said of all anchors, level by level, and place by place within a level.</summary>
    /// <param name="levels">For each level [batch, anchors x numbers, rows, columns].</param>
    /// <param name="numbers">How many numbers belong to an anchor.</param>
    /// <returns>[batch, all anchors, numbers].</returns>
    internal static torch.Tensor ByAnchor(IReadOnlyList<torch.Tensor> levels, int numbers)
    {
        using var scope = torch.NewDisposeScope();
        var batch = levels[0].shape[0];
        return scope.MoveToOuter(torch.cat([.. levels.Select(level => level.view(batch, -1, numbers, level.shape[2], level.shape[3]).permute(0, 3, 4, 1, 2).reshape(batch, -1, numbers))], 1));
    }
}
