using IsVit.Core.Models.WeightFiles;
using TorchSharp;

namespace IsVit.Tests.Oracle;

/// <summary>Reads ../shared/oracle, or skips the test where it is absent.</summary>
internal static class OracleFile
{
    public static SafetensorsFile Open(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "IsVit.sln")))
            {
                var path = Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared", "oracle", name));
                Assert.SkipUnless(File.Exists(path), $"{path} is not there.");
                return SafetensorsFile.Open(path);
            }
        }

        Assert.Skip("No repository above the test's folder.");
        throw new InvalidOperationException();
    }
}
