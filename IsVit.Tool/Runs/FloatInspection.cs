using System.Globalization;
using IsVit.Core.Models.Pretrained;
using IsVit.Core.Models.WeightFiles;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using Spectre.Console;

namespace IsVit.Tool.Runs;

/// <summary>The part of <c>isvit inspect</c> that shows float weights.</summary>
internal static class FloatInspection
{
    /// <summary>Shows the tensors of a file or folder, what they are of, and what would be missing.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="path">The file or folder.</param>
    /// <param name="model">The model that they should fit; null for what they are of.</param>
    public static void Write(ToolConsole console, string path, string? model)
    {
        if (model is not null)
        {
            ModelInput.Find(model);
        }

        using var file = PretrainedModel.OpenWeights(path);
        var table = new ToolTable("tensor", "type", "shape", "bytes");
        foreach (var tensor in file.Tensors.Values)
        {
            table.AddRow(tensor.Name, tensor.ElementType, tensor.Shape.Count == 0 ? "-" : string.Join(" x ", tensor.Shape), tensor.ByteCount.ToString(CultureInfo.InvariantCulture));
        }

        table.Write(console.Ansi);
        foreach (var (key, value) in file.Metadata.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
        {
            console.Out.WriteLine($"{key}: {value}");
        }

        var types = file.Tensors.Values.GroupBy(static tensor => tensor.ElementType).Select(static group => FormattableString.Invariant($"{group.Count()} {group.Key}"));
        console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{file.Format}: {file.Tensors.Count} tensors ({string.Join(", ", types)}), {file.Tensors.Values.Sum(static tensor => tensor.ByteCount)} bytes"));
        console.Out.WriteLine(PretrainedModel.Recognize(file));
        WriteFit(console, path, model);
    }

    private static void WriteFit(ToolConsole console, string path, string? model)
    {
        try
        {
            using var source = PretrainedModel.Open(path, new PretrainedModelOptions { Model = model });
            foreach (var note in source.Notes)
            {
                console.Out.WriteLine(note);
            }

            var shape = source.Description.Architecture;
            var name = string.Create(CultureInfo.InvariantCulture, $"{source.Description.Name} ({shape.ImageSize} x {shape.ImageSize} pixels, {(shape.ClassCount == 0 ? "no head" : $"{shape.ClassCount} classes")})");
            console.Out.WriteLine(source.Check() is { } error ? $"does not fit {name}: {error.Message}" : $"fits {name}");
        }
        catch (PretrainedModelException error)
        {
            console.Out.WriteLine(error.Message);
        }
    }
}
