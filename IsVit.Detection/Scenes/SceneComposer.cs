namespace IsVit.Detection.Scenes;

/// <summary>
/// Scenes for detection and instance segmentation, made on the fly: sprites at random places, sizes, angles and overlaps in random colours on a cluttered ground, with
/// exact masks. A scene depends on the sprites, the options and its index alone, whatever the machine.
/// </summary>
/// <remarks>
/// Objects are placed from front to back, each behind those before it; one of which more than <see cref="SceneOptions.MaxHiddenShare"/> would be hidden is placed anew,
/// and left out if no place is found. A pixel shows an object if and only if it is in that object's mask. Safe to use from several threads. Composers that train and
/// those that measure need different sprites, not only different seeds.
/// </remarks>
public sealed class SceneComposer
{
    private const int Places = 16;

    // Of the colour's brightness, what a black pixel inside a silhouette keeps.
    private const int DarkestShade = 56;

    private readonly Sprite[] _sprites;

    /// <summary>Creates a composer.</summary>
    /// <param name="sprites">What scenes are made of, each equally often; those of Fashion-MNIST have 28 x 28 pixels and labels 0 to 9.</param>
    /// <param name="options">What scenes look like; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no sprite, one has no pixel from the threshold on, or options contradict each other.</exception>
    public SceneComposer(IReadOnlyList<Sprite> sprites, SceneOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(sprites);
        Options = options ?? new SceneOptions();
        Options.Validate();
        _sprites = [.. sprites];
        if (_sprites.Length == 0)
        {
            throw new ArgumentException("There is no sprite to compose scenes of; expected at least one.", nameof(sprites));
        }

        for (var i = 0; i < _sprites.Length; i++)
        {
            if (_sprites[i] is not { } sprite)
            {
                throw new ArgumentException(FormattableString.Invariant($"Sprite {i} of {_sprites.Length} is null."), nameof(sprites));
            }

            if (sprite.Pixels.Span.IndexOfAnyInRange(Options.Threshold, byte.MaxValue) < 0)
            {
                throw new ArgumentException(FormattableString.Invariant($"Sprite {i} of {_sprites.Length} (label {sprite.Label}) is blank: no pixel is {Options.Threshold} or more ({nameof(SceneOptions.Threshold)})."), nameof(sprites));
            }
        }
    }

    /// <summary>What scenes look like.</summary>
    public SceneOptions Options { get; }

    /// <summary>Composes a scene.</summary>
    /// <param name="index">Which scene of the series, any number: there is no first and no last one.</param>
    /// <returns>The same scene for the same index, in memory of its own.</returns>
    public Scene Compose(long index)
    {
        var random = new SceneRandom(Options.Seed, index);
        var side = Options.Side;
        var rgb = new byte[side * side * 3];
        Background.Paint(rgb, side, random.Next(Options.MinClutter, Options.MaxClutter), random);

        var count = random.Next(Options.MinObjects, Options.MaxObjects);
        var objects = new List<SceneObject>(count);
        var occupied = new byte[side * side];
        var silhouette = new Silhouette();
        for (var i = 0; i < count; i++)
        {
            if (Place(silhouette, rgb, occupied, random) is { } placed)
            {
                objects.Add(placed);
            }
        }

        Background.AddNoise(rgb, random.Next(0, Options.MaxNoise), random);
        return new Scene(side, rgb, objects);
    }

    private SceneObject? Place(Silhouette silhouette, Span<byte> rgb, Span<byte> occupied, SceneRandom random)
    {
        var sprite = _sprites[random.Next(0, _sprites.Length - 1)];
        var size = random.Next(Options.MinObjectSide, Options.MaxObjectSide);
        var tenths = (int)(Options.MaxRotation * 10);
        var rotation = Rotation.FromDegrees(random.Next(-tenths, tenths) / 10.0);
        var mirror = random.Next(0, 1) == 1 && Options.Mirror;
        var tint = Tint(random);
        silhouette.Draw(sprite, size, rotation, mirror, Options.Threshold, Options.MinPiecePixels);
        var box = silhouette.Box;
        var (roomX, roomY) = (Options.Side - (box.Right - box.Left), Options.Side - (box.Bottom - box.Top));
        if (silhouette.Area == 0 || roomX < 0 || roomY < 0)
        {
            return null;
        }

        for (var i = 0; i < Places; i++)
        {
            var (x, y) = (random.Next(0, roomX) - box.Left, random.Next(0, roomY) - box.Top);
            var area = silhouette.Hide(occupied, Options.Side, x, y, Options.MinPiecePixels);
            var hidden = (silhouette.Area - area) / (double)silhouette.Area;
            if (hidden <= Options.MaxHiddenShare)
            {
                var seen = silhouette.Bounds(silhouette.Visible);
                return new SceneObject(
                    sprite.Label, Paint(silhouette, rgb, occupied, x, y, tint), area, hidden, (seen.Left + x, seen.Top + y, seen.Right + x, seen.Bottom + y));
            }
        }

        return null;
    }

    /// <summary>A colour whose brightest channel is from 150 to 255.</summary>
    private static (int Red, int Green, int Blue) Tint(SceneRandom random)
    {
        var (red, green, blue) = (random.Next(70, 255), random.Next(70, 255), random.Next(70, 255));
        var (brightest, brightness) = (Math.Max(red, Math.Max(green, blue)), random.Next(150, 255));
        return (red * brightness / brightest, green * brightness / brightest, blue * brightness / brightest);
    }

    /// <summary>Paints what is seen of a silhouette and returns its mask.</summary>
    private byte[] Paint(Silhouette silhouette, Span<byte> rgb, Span<byte> occupied, int x, int y, (int Red, int Green, int Blue) tint)
    {
        var side = Options.Side;
        var mask = new byte[side * side];
        var box = silhouette.Box;
        var visible = silhouette.Visible;
        var grey = silhouette.Grey;
        for (var row = box.Top; row < box.Bottom; row++)
        {
            for (var column = box.Left; column < box.Right; column++)
            {
                var from = (row * silhouette.Width) + column;
                if (visible[from] != 0)
                {
                    var to = ((y + row) * side) + x + column;
                    mask[to] = occupied[to] = 1;
                    var shade = DarkestShade + (grey[from] * (255 - DarkestShade) / 255);
                    rgb[to * 3] = (byte)(tint.Red * shade / 255);
                    rgb[(to * 3) + 1] = (byte)(tint.Green * shade / 255);
                    rgb[(to * 3) + 2] = (byte)(tint.Blue * shade / 255);
                }
            }
        }

        return mask;
    }
}
