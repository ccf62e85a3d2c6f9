using IsVit.Detection.Operators;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Detection.Models;

/// <summary>
/// Classifies regions and corrects their boxes for each class; MMDetection's <c>Shared2FCBBoxHead</c> without convolutions, <c>Shared4Conv1FCBBoxHead</c> with them, and its names: <c>shared_convs</c>, <c>shared_fcs</c>, <c>fc_cls</c>,
/// <c>fc_reg</c>.
/// </summary>
public sealed class BoxHead : torch.nn.Module<torch.Tensor, (torch.Tensor Scores, torch.Tensor Deltas)>
{
    private readonly ModuleList<ConvolutionBlock>? shared_convs;
    private readonly ModuleList<Linear> shared_fcs;
    private readonly Linear fc_cls;
    private readonly Linear fc_reg;

    internal BoxHead(int inChannels, int side, int convolutions, int channels, int linears, int width, int classCount, IReadOnlyList<double> deviations)
        : base(nameof(BoxHead))
    {
        Coder = new BoxCoder(standardDeviations: deviations);
        if (convolutions > 0)
        {
            shared_convs = new ModuleList<ConvolutionBlock>([.. Enumerable.Range(0, convolutions).Select(i => new ConvolutionBlock(i == 0 ? inChannels : channels, channels, kernelSize: 3, normalized: true, activated: true))]);
        }

        var flat = (convolutions > 0 ? channels : inChannels) * side * side;
        shared_fcs = new ModuleList<Linear>([.. Enumerable.Range(0, linears).Select(i => torch.nn.Linear(i == 0 ? flat : width, width))]);
        fc_cls = torch.nn.Linear(width, classCount + 1);
        fc_reg = torch.nn.Linear(width, 4 * classCount);
        RegisterComponents();
        foreach (var linear in shared_fcs)
        {
            torch.nn.init.xavier_uniform_(linear.weight);
            torch.nn.init.zeros_(linear.bias!);
        }

        torch.nn.init.normal_(fc_cls.weight, std: 0.01);
        torch.nn.init.zeros_(fc_cls.bias!);
        torch.nn.init.normal_(fc_reg.weight, std: 0.001);
        torch.nn.init.zeros_(fc_reg.bias!);
    }

    /// <summary>The 3 x 3 convolutions that a region's features pass first; empty if there are none.</summary>
    public IReadOnlyList<ConvolutionBlock> SharedConvs => shared_convs is null ? [] : [.. shared_convs];

    /// <summary>The fully connected layers behind them, each followed by a ReLU.</summary>
    public IReadOnlyList<Linear> SharedFcs => [.. shared_fcs];

    /// <summary>The layer that outputs the logits of classes, the background last.</summary>
    public Linear FcCls => fc_cls;

    /// <summary>The layer that outputs the differences of boxes, four for each class.</summary>
    public Linear FcReg => fc_reg;

    /// <summary>Turns differences into boxes.</summary>
    internal BoxCoder Coder { get; }

    /// <summary>Classifies regions.</summary>
    /// <param name="input">[regions, channels, side, side].</param>
    /// <returns>Logits [regions, classes + 1], the background last, and differences [regions, 4 classes].</returns>
    public override (torch.Tensor Scores, torch.Tensor Deltas) forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var x = input;
        foreach (var convolution in (IEnumerable<ConvolutionBlock>?)shared_convs ?? [])
        {
            x = convolution.call(x);
        }

        x = x.flatten(1);
        foreach (var linear in shared_fcs)
        {
            x = torch.nn.functional.relu(linear.call(x));
        }

        return (scope.MoveToOuter(fc_cls.call(x)), scope.MoveToOuter(fc_reg.call(x)));
    }

    internal static void RequireDeviations(IReadOnlyList<double>? deviations, string name) =>
        OptionCheck.Require(deviations is { Count: 4 } && deviations.All(static number => number > 0 && double.IsFinite(number)), name, OptionCheck.Text(deviations), "four numbers above 0, of dx, dy, dw and dh");
}
