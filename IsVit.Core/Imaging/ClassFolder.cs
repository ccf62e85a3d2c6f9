namespace IsVit.Core.Imaging;

/// <summary>Lists a tree with one folder a class: <c>root/class name/.../image.jpg</c>.</summary>
public static class ClassFolder
{
    /// <summary>Lists the images; the label of each is the position of its class folder among all class folders in ordinal order of their names.</summary>
    /// <param name="root">The folder that holds the class folders. Names that begin with a dot do not count.</param>
    /// <returns>The images, class by class, in ordinal order of their path; <see cref="ImageList.ClassNames"/> holds the folders' names.</returns>
    /// <exception cref="ImageException">There is no such folder, it cannot be read, has no subfolder, or no image in any of them.</exception>
    public static ImageList Read(string root)
    {
        var folders = ImageFolder.Enumerate(root, recursive: false, Directory.EnumerateDirectories);
        if (folders.Count == 0)
        {
            throw new ImageException(root, "the folder has no subfolder; expected one a class.");
        }

        // A class without images keeps its number, so that the labels of a subset are those of the whole.
        var items = new List<ImageItem>();
        for (var label = 0; label < folders.Count; label++)
        {
            items.AddRange(ImageFolder.Paths(folders[label], recursive: true).Select(path => new ImageItem(path, label)));
        }

        return items.Count > 0
            ? new ImageList(items, [.. folders.Select(folder => Path.GetFileName(folder))])
            : throw new ImageException(root, $"none of the {folders.Count} class folders holds an image file.");
    }
}
