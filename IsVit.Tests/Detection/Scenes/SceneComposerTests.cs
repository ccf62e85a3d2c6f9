using System.Security.Cryptography;
using IsVit.Detection.Scenes;
using IsVit.Tool.Demo;

namespace IsVit.Tests.Detection.Scenes;

public sealed class SceneComposerTests
{
    private static readonly SceneOptions Calm = new() { MaxRotation = 0, Mirror = false, MinClutter = 0, MaxClutter = 0, MaxNoise = 0 };

    [Theory]
    [InlineData(0, 0, 128, "5026f1ca1fae28ca")]
    [InlineData(0, 1, 128, "62f30e1735f30a19")]
    [InlineData(42, -7, 96, "74a6d7bd7b9809fd")]
    [InlineData(long.MinValue, long.MaxValue, 256, "4225115de59f0a88")]
    public void Compose_SeedAndIndex_SameSceneOnEveryMachine(long seed, long index, int side, string digest)
    {
        var scene = new SceneComposer(SpriteArt.Assortment(), new SceneOptions { Seed = seed, Side = side, MaxRotation = 45 }).Compose(index);

        Assert.Equal(digest, Digest(scene));
    }

    [Fact]
    public void Compose_ManyThreadsAndAnyOrder_ScenesDependOnTheIndexAlone()
    {
        var composer = new SceneComposer(SpriteArt.Assortment());
        var expected = Enumerable.Range(0, 24).Select(i => Digest(composer.Compose(i))).ToArray();

        var found = new string[24];
        Parallel.For(0, 24, i => found[23 - i] = Digest(composer.Compose(23 - i)));

        Assert.Equal(expected, found);
        Assert.Equal(24, expected.Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void Compose_OtherSeed_OtherScenes()
    {
        var one = new SceneComposer(SpriteArt.Assortment(), new SceneOptions { Seed = 1 });
        var two = new SceneComposer(SpriteArt.Assortment(), new SceneOptions { Seed = 2 });

        // Neither the same scenes nor the same series begun elsewhere.
        Assert.Empty(Series(one, 32).Select(Digest).Intersect(Series(two, 32).Select(Digest), StringComparer.Ordinal));
    }

    [Fact]
    public void Compose_ManyScenes_MasksAreDisjointAndBoxesTight()
    {
        foreach (var scene in Series(new SceneComposer(SpriteArt.Assortment(), new SceneOptions { MinObjects = 4 }), 60))
        {
            Assert.Equal((128, 128, 3 * 128 * 128), (scene.Width, scene.Height, scene.Rgb.Length));
            var owners = new int[128 * 128];
            foreach (var found in scene.Objects)
            {
                int[] pixels = [.. Enumerable.Range(0, owners.Length).Where(i => found.Mask[i] != 0)];
                Assert.Equal(owners.Length, found.Mask.Length);
                Assert.All(pixels, i => Assert.Equal(1, found.Mask[i]));
                Assert.All(pixels, i => Assert.Equal(0, owners[i]++));
                Assert.Equal(pixels.Length, found.Area);
                Assert.Equal(
                    (pixels.Min(i => i % 128), pixels.Min(i => i / 128), pixels.Max(i => i % 128) + 1.0, pixels.Max(i => i / 128) + 1.0),
                    (found.X1, found.Y1, found.X2, found.Y2));
            }
        }
    }

    [Fact]
    public void Compose_EqualSquares_HiddenShareIsWhatIsMissingAndWithinTheLimit()
    {
        var options = Calm with { MinObjects = 6, MinObjectSide = 40, MaxObjectSide = 40, MaxHiddenShare = 0.3 };
        var shares = new List<double>();
        foreach (var scene in Series(new SceneComposer([SpriteArt.Block(20, 20, 0)], options), 60))
        {
            var whole = scene.Objects[0].Area;
            Assert.Equal(0, scene.Objects[0].HiddenShare);
            Assert.All(scene.Objects, o => Assert.Equal(1 - (o.Area / (double)whole), o.HiddenShare, 12));
            shares.AddRange(scene.Objects.Select(o => o.HiddenShare));
        }

        Assert.InRange(shares.Max(), 0.25, 0.3);
        Assert.Contains(shares, share => share is > 0.1 and < 0.2);
    }

    [Fact]
    public void Compose_NothingMayBeHidden_ObjectsThatFindNoPlaceAreLeftOut()
    {
        var options = Calm with { MinObjects = 12, MaxObjects = 12, MinObjectSide = 60, MaxObjectSide = 60, MaxHiddenShare = 0 };

        foreach (var scene in Series(new SceneComposer([SpriteArt.Block(20, 20, 0)], options), 20))
        {
            Assert.InRange(scene.Objects.Count, 1, 4);
            Assert.Single(scene.Objects.Select(o => o.Area).Distinct());
        }
    }

    [Fact]
    public void Compose_ManyScenes_CountsFillTheRange()
    {
        var options = Calm with { MinObjects = 2, MaxObjects = 4, MinObjectSide = 16, MaxObjectSide = 24 };

        var counts = Series(new SceneComposer(SpriteArt.Assortment(), options), 60).Select(scene => scene.Objects.Count);

        Assert.Equal([2, 3, 4], counts.Distinct().Order());
    }

    [Fact]
    public void Compose_ManyScenes_SidesFillTheRange()
    {
        var objects = Series(new SceneComposer([SpriteArt.Block(24, 12, 0)], Calm with { MaxHiddenShare = 0 }), 200).SelectMany(scene => scene.Objects).ToArray();

        // 24 to 72, and what resampling adds: less than half of 24 pixels' part at each edge.
        Assert.InRange(objects.Min(o => o.X2 - o.X1), 24, 26);
        Assert.InRange(objects.Max(o => o.X2 - o.X1), 70, 75);
        Assert.All(objects, o => Assert.InRange((o.X2 - o.X1) / (o.Y2 - o.Y1), 1.7, 2.1));
        Assert.InRange(objects.Average(o => o.X1 + o.X2) / 2, 54, 74);
        Assert.InRange(objects.Average(o => o.Y1 + o.Y2) / 2, 54, 74);
    }

    [Fact]
    public void Compose_SpritesOfSeveralClasses_ObjectsKeepTheirLabels()
    {
        var objects = Series(new SceneComposer([SpriteArt.Block(24, 8, 3), SpriteArt.Block(8, 24, 7)], Calm with { MaxHiddenShare = 0 }), 40).SelectMany(scene => scene.Objects).ToArray();

        Assert.Equal([3, 7], objects.Select(o => o.Label).Distinct().Order());
        Assert.All(objects, o => Assert.Equal(o.Label == 3, o.X2 - o.X1 > o.Y2 - o.Y1));
    }

    [Fact]
    public void Compose_SpriteWithAHole_MaskIsSolid()
    {
        var frame = SpriteArt.Make(20, 20, 0, (x, y) => x is < 4 or > 15 || y is < 4 or > 15 ? 255 : 0);

        var found = new SceneComposer([frame], Calm with { MaxObjects = 1 }).Compose(0).Objects[0];

        // All of the box but pixels at its rounded corners.
        Assert.InRange(found.Area, ((found.X2 - found.X1) * (found.Y2 - found.Y1)) - 12, (found.X2 - found.X1) * (found.Y2 - found.Y1));
        Assert.Equal(1, found.Mask[Centre(found)]);
    }

    [Fact]
    public void Compose_SpriteWithABay_BayStaysOpen()
    {
        var cup = SpriteArt.Make(20, 20, 0, (x, y) => x is < 4 or > 15 || y > 15 ? 255 : 0);

        var found = new SceneComposer([cup], Calm with { MaxObjects = 1 }).Compose(0).Objects[0];

        Assert.Equal(0, found.Mask[Centre(found)]);
    }

    [Fact]
    public void Compose_SpriteWithASpeck_SpeckBelongsToNoMask()
    {
        var speckled = SpriteArt.Make(28, 28, 0, (x, y) => (x < 18 && y < 18) || (x, y) == (27, 27) ? 255 : 0);
        var options = Calm with { MaxObjects = 1, MinObjectSide = 28, MaxObjectSide = 28 };

        var dropped = new SceneComposer([speckled], options).Compose(0).Objects[0];
        var kept = new SceneComposer([speckled], options with { MinPiecePixels = 1 }).Compose(0).Objects[0];

        Assert.Equal((18, 18), (dropped.X2 - dropped.X1, dropped.Y2 - dropped.Y1));
        Assert.Equal((28, 28), (kept.X2 - kept.X1, kept.Y2 - kept.Y1));
    }

    [Fact]
    public void Compose_CrowdedScenes_NoPieceIsTiny()
    {
        var options = new SceneOptions { MinObjects = 10, MaxObjects = 10, MaxHiddenShare = 0.7, MinPiecePixels = 20 };

        var pieces = Series(new SceneComposer(SpriteArt.Assortment(), options), 40).SelectMany(scene => scene.Objects).SelectMany(o => PieceSizes(o.Mask, 128)).ToArray();

        Assert.InRange(pieces.Min(), 20, 60);
    }

    [Fact]
    public void Compose_Mirror_HalfOfTheObjectsAreMirrored()
    {
        var options = Calm with { MaxHiddenShare = 0 };

        var plain = Series(new SceneComposer([SpriteArt.Ell(0)], options), 40).SelectMany(scene => scene.Objects);
        var mirrored = Series(new SceneComposer([SpriteArt.Ell(0)], options with { Mirror = true }), 40).SelectMany(scene => scene.Objects);

        Assert.All(plain, o => Assert.False(LeansRight(o)));
        Assert.InRange(mirrored.Average(o => LeansRight(o) ? 1.0 : 0.0), 0.3, 0.7);
    }

    [Fact]
    public void Compose_Rotation_BoxesFollowTheAngle()
    {
        var bar = SpriteArt.Block(40, 4, 0);
        var options = Calm with { MaxHiddenShare = 0, MinObjectSide = 60, MaxObjectSide = 60 };

        double[] Heights(double degrees) => [.. Series(new SceneComposer([bar], options with { MaxRotation = degrees }), 60).SelectMany(scene => scene.Objects).Select(o => o.Y2 - o.Y1)];

        // 60 sin 20 + 6 cos 20 = 26, and 60 upright.
        Assert.InRange(Heights(0).Max(), 5, 8);
        Assert.InRange(Heights(20).Max(), 23, 29);
        Assert.InRange(Heights(90).Max(), 58, 64);
    }

    [Fact]
    public void Compose_OtherSprites_PixelsOutsideTheMasksAreTheSameGround()
    {
        var options = new SceneOptions { MaxNoise = 0, MinClutter = 5 };
        var one = new SceneComposer(SpriteArt.Assortment(), options);
        var two = new SceneComposer([SpriteArt.Ell(0), SpriteArt.Block(10, 20, 1)], options);

        foreach (var (a, b) in Series(one, 20).Zip(Series(two, 20)))
        {
            var (covered, changed) = (0, 0);
            for (var i = 0; i < 128 * 128; i++)
            {
                var (inA, inB) = (a.Objects.Any(o => o.Mask[i] != 0), b.Objects.Any(o => o.Mask[i] != 0));
                var equal = a.Rgb.AsSpan(i * 3, 3).SequenceEqual(b.Rgb.AsSpan(i * 3, 3));
                Assert.True(equal || inA || inB);
                (covered, changed) = (covered + (inA != inB ? 1 : 0), changed + (inA != inB && !equal ? 1 : 0));
            }

            // Garments are seen: hardly any of their pixels has the very colour of the ground.
            Assert.True(changed > covered * 0.97);
        }
    }

    [Fact]
    public void Compose_ClutterAndNoise_ChangeTheGroundAsFarAsTheyMay()
    {
        var sprites = new[] { SpriteArt.Block(10, 10, 0) };
        var calm = new SceneComposer(sprites, Calm with { MaxObjects = 1 });
        var noisy = new SceneComposer(sprites, Calm with { MaxObjects = 1, MaxNoise = 20 });
        var cluttered = new SceneComposer(sprites, Calm with { MaxObjects = 1, MinClutter = 8, MaxClutter = 8 });

        var noise = Series(calm, 20).Zip(Series(noisy, 20)).SelectMany(pair => pair.First.Rgb.Zip(pair.Second.Rgb, (a, b) => b - a)).ToArray();
        var shares = Series(calm, 20).Zip(Series(cluttered, 20)).Select(pair => pair.First.Rgb.Zip(pair.Second.Rgb).Count(two => two.First != two.Second) / (3.0 * 128 * 128)).ToArray();

        Assert.InRange(noise.Max(), 15, 20);
        Assert.InRange(noise.Min(), -20, -15);
        Assert.InRange(noise.Average(), -0.5, 0.5);
        Assert.InRange(shares.Min(), 0.02, 0.8);
    }

    [Fact]
    public void Compose_RealGarments_AllClassesInAllSizesAndOverlaps()
    {
        var images = DemoAssets.Load(DemoAssets.DefaultFolder).Test;
        var sprites = Enumerable.Range(0, images.Count).Select(i => new Sprite(images.Image(i).ToArray(), 28, 28, images.Labels[i])).ToArray();

        var scenes = Series(new SceneComposer(sprites), 200).ToArray();

        var objects = scenes.SelectMany(scene => scene.Objects).ToArray();
        Assert.Equal([1, 2, 3, 4, 5, 6], scenes.Select(scene => scene.Objects.Count).Distinct().Order());
        Assert.Equal(Enumerable.Range(0, 10), objects.Select(o => o.Label).Distinct().Order());
        Assert.InRange(objects.Count(o => o.HiddenShare > 0) / (double)objects.Length, 0.25, 0.6);
        Assert.All(objects, o => Assert.InRange(o.Area, 12, 80 * 80));
    }

    [Fact]
    public void Constructor_NoSprites_IsAnError()
    {
        var error = Assert.Throws<ArgumentException>(() => new SceneComposer([]));

        Assert.Equal("sprites", error.ParamName);
        Assert.Contains("no sprite", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_BlankSprite_NamesIt()
    {
        var error = Assert.Throws<ArgumentException>(() => new SceneComposer([SpriteArt.Ell(0), SpriteArt.Make(5, 5, 4, (_, _) => 31)]));

        Assert.Contains("Sprite 1 of 2 (label 4) is blank: no pixel is 32 or more", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_NullSprite_NamesIt()
    {
        var error = Assert.Throws<ArgumentException>(() => new SceneComposer([SpriteArt.Ell(0), null!]));

        Assert.Contains("Sprite 1 of 2 is null", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_OptionsThatContradictEachOther_NamesBoth()
    {
        (SceneOptions Options, string Message)[] cases =
        [
            (new() { MinObjects = 7 }, "MinObjects is 7, expected at most MaxObjects, which is 6."),
            (new() { MinObjectSide = 73 }, "MinObjectSide is 73, expected at most MaxObjectSide, which is 72."),
            (new() { Side = 64 }, "MaxObjectSide is 72, expected at most Side, which is 64."),
            (new() { MinClutter = 11 }, "MinClutter is 11, expected at most MaxClutter, which is 10."),
        ];

        Assert.All(cases, one => Assert.StartsWith(one.Message, Assert.Throws<ArgumentException>(() => new SceneComposer([SpriteArt.Ell(0)], one.Options)).Message, StringComparison.Ordinal));
    }

    private static IEnumerable<Scene> Series(SceneComposer composer, int count) => Enumerable.Range(0, count).Select(i => composer.Compose(i));

    private static int Centre(SceneObject found) => ((int)((found.Y1 + found.Y2) / 2) * 128) + (int)((found.X1 + found.X2) / 2);

    /// <summary>Whether more of the upper half of an object is in the right half of its box.</summary>
    private static bool LeansRight(SceneObject found)
    {
        var (right, left) = (0, 0);
        for (var i = 0; i < found.Mask.Length; i++)
        {
            if (found.Mask[i] != 0 && (i / 128) + 0.5 < (found.Y1 + found.Y2) / 2)
            {
                _ = (i % 128) + 0.5 > (found.X1 + found.X2) / 2 ? right++ : left++;
            }
        }

        return right > left;
    }

    private static IEnumerable<int> PieceSizes(byte[] mask, int width)
    {
        var rest = Enumerable.Range(0, mask.Length).Where(i => mask[i] != 0).Select(i => (X: i % width, Y: i / width)).ToHashSet();
        while (rest.Count > 0)
        {
            var size = 0;
            var open = new Stack<(int X, int Y)>([rest.First()]);
            rest.Remove(open.Peek());
            while (open.TryPop(out var at))
            {
                size++;
                foreach (var next in from dx in new[] { -1, 0, 1 } from dy in new[] { -1, 0, 1 } select (at.X + dx, at.Y + dy))
                {
                    if (rest.Remove(next))
                    {
                        open.Push(next);
                    }
                }
            }

            yield return size;
        }
    }

    private static string Digest(Scene scene)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(scene.Rgb);
        foreach (var found in scene.Objects)
        {
            hash.AppendData([(byte)found.Label, (byte)found.X1, (byte)found.Y1, (byte)found.X2, (byte)found.Y2]);
            hash.AppendData(found.Mask);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
    }
}
