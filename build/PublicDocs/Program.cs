// public-docs XML ASSEMBLY REFERENCES: leaves in a documentation file what the assembly's users can see. The compiler writes the comments of internal members as well.
// REFERENCES is a file with the paths that the assembly was compiled against, one a line.
using System.Globalization;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

var (documentation, assembly) = (args[0], args[1]);
var references = File.ReadLines(args[2]).Prepend(assembly).Select(static path => MetadataReference.CreateFromFile(path)).ToList();
var compilation = CSharpCompilation.Create("look-up", references: references);

var document = XDocument.Load(documentation, LoadOptions.PreserveWhitespace);
var members = document.Descendants("member").ToList();
var hidden = members.Where(member => !Seen(member.Attribute("name")!.Value)).ToList();
if (hidden.Count == members.Count)
{
    Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"None of the {members.Count} members in {documentation} is public in {assembly}."));
    return 1;
}

foreach (var member in hidden)
{
    if (member.PreviousNode is XText space)
    {
        space.Remove();
    }

    member.Remove();
}

if (hidden.Count > 0)
{
    document.Save(documentation, SaveOptions.DisableFormatting);
}

return 0;

bool Seen(string id)
{
    for (var symbol = DocumentationCommentId.GetFirstSymbolForDeclarationId(id, compilation); symbol is not INamespaceSymbol; symbol = symbol.ContainingSymbol)
    {
        if (symbol?.DeclaredAccessibility is not (Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal))
        {
            return false;
        }
    }

    return true;
}
