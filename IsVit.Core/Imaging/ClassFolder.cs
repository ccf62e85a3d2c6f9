using System.Globalization;

namespace IsVit.Core.Imaging;

/// <summary>Lists a folder tree with one folder per class: <c>root/class name/.../image.jpg</c>.</summary>
public static class ClassFolder
{
    // What archives of macOS leave beside what they hold.
    private const string Leftover = "__MACOSX";

    /// <summary>
    /// Lists the images with the labels of their class folders. With as many folders as the model has classes, or without <paramref name="classCount"/>, the label is the folder's index: in numerical order if all names are whole
    /// numbers, otherwise in ordinal order of the names, as in torchvision's <c>ImageFolder</c>. With fewer folders, the label is the folder's name as a number, or for 1000 classes its index in <see cref="ImageNetSynsets"/>.
    /// </summary>
    /// <param name="root">The folder that contains the class folders. Names that begin with a dot, and <c>__MACOSX</c>, are ignored.</param>
    /// <param name="classCount">The number of the model's classes; null if it is not known.</param>
    /// <returns>The images, class by class, in ordinal order of their path; <see cref="ImageList.ClassNames"/> contains the classes' names by label.</returns>
    /// <exception cref="ImageException">The folder does not exist, cannot be read, has no subfolder, or no image in any of them; or the folders do not determine which of the model's classes they are.</exception>
    public static ImageList Read(string root, int? classCount = null)
    {
        var folders = ImageFolder.Enumerate(root, recursive: false, Directory.EnumerateDirectories).Where(static folder => Path.GetFileName(folder) != Leftover).ToList();
        if (folders.Count == 0)
        {
            throw new ImageException(root, "the folder has no subfolder; expected one a class.");
        }

        var numbers = folders.ConvertAll(static folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1);
        if (!numbers.Contains(-1))
        {
            (folders, numbers) = ([.. folders.Zip(numbers).OrderBy(static entry => entry.Second).Select(static entry => entry.First)], [.. numbers.Order()]);
        }

        var (names, labels) = Labels(root, folders.ConvertAll(static folder => Path.GetFileName(folder)), numbers, classCount);
        var items = folders.Zip(labels).SelectMany(static entry => ImageFolder.Paths(entry.First, recursive: true).Select(path => new ImageItem(path, entry.Second))).ToList();
        return items.Count > 0
            ? new ImageList(items, names)
            : throw new ImageException(root, $"none of the {folders.Count} class folders holds an image file.");
    }

    private static (IReadOnlyList<string> Names, IReadOnlyList<int> Labels) Labels(string root, List<string> folders, List<int> numbers, int? classCount)
    {
        var synsets = ImageNetSynsets.All;
        if (classCount == synsets.Count && folders.Exists(synsets.Contains))
        {
            var places = synsets.Select(static (name, place) => (name, place)).ToDictionary(static entry => entry.name, static entry => entry.place, StringComparer.Ordinal);
            return folders.Find(name => !places.ContainsKey(name)) is { } stranger
                ? throw new ImageException(Path.Combine(root, stranger), "is no class of ImageNet, as the folders beside it are; take it away, or name it by its WordNet id.")
                : (synsets, folders.ConvertAll(name => places[name]));
        }

        // A class without images keeps its number.
        if (classCount is null || classCount == folders.Count)
        {
            return (folders, [.. Enumerable.Range(0, folders.Count)]);
        }

        if (numbers.Contains(-1))
        {
            throw new ImageException(root, FormattableString.Invariant($"has {folders.Count} class folders ('{folders[0]}' to '{folders[^1]}'), and the model {classCount} classes, so that their places do not tell which of them they are. Give one folder a class, name folders by number{(classCount == synsets.Count ? " or WordNet id (n01440764)" : "")}, or give a CSV of labels."));
        }

        var beyond = numbers.FindIndex(number => number >= classCount);
        return beyond >= 0
            ? throw new ImageException(Path.Combine(root, folders[beyond]), FormattableString.Invariant($"is a class folder of number {numbers[beyond]}; the model has {classCount} classes (0 to {classCount - 1})."))
            : ([.. Enumerable.Range(0, classCount.Value).Select(static label => label.ToString(CultureInfo.InvariantCulture))], numbers);
    }
}
