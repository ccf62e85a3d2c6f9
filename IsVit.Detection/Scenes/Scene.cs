namespace IsVit.Detection.Scenes;

/// <summary>A composed image and what is to be found in it.</summary>
public sealed class Scene
{
    internal Scene(int side, byte[] rgb, IReadOnlyList<SceneObject> objects) => (Width, Height, Rgb, Objects) = (side, side, rgb, objects);

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Three bytes a pixel (red, green, blue), rows from top to bottom: 3 x width x height bytes, owned by the caller.</summary>
    public byte[] Rgb { get; }

    /// <summary>The objects, from front to back.</summary>
    public IReadOnlyList<SceneObject> Objects { get; }
}
