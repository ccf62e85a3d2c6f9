using System.Text.Encodings.Web;
using System.Text.Json;
using IsVit.Detection.Masks;
using IsVit.Model.Files;

namespace IsVit.Detection.Coco;

/// <summary>Writes COCO's files.</summary>
internal static class CocoWriter
{
    private const int FlushAt = 1 << 20;

    // Compressed masks are full of characters that matter in HTML only.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Save(string path, CocoDataset dataset) => Write(path, json =>
    {
        json.WriteStartObject();
        WriteAll(json, "images", dataset.Images, WriteImage);
        WriteAll(json, "categories", dataset.Categories, WriteCategory);
        WriteAll(json, "annotations", dataset.Annotations, WriteAnnotation);
        json.WriteEndObject();
    });

    public static void Save(string path, IReadOnlyList<CocoResult> results) => Write(path, json => WriteAll(json, null, results, WriteResult));

    private static void Write(string path, Action<Utf8JsonWriter> write) => WholeFile.Write(
        path,
        stream =>
        {
            using var json = new Utf8JsonWriter(stream, s_options);
            write(json);
        },
        bufferSize: 0);

    private static void WriteAll<T>(Utf8JsonWriter json, string? name, IReadOnlyList<T> entries, Action<Utf8JsonWriter, T> write)
    {
        if (name is not null)
        {
            json.WritePropertyName(name);
        }

        json.WriteStartArray();
        foreach (var entry in entries)
        {
            json.WriteStartObject();
            write(json, entry);
            json.WriteEndObject();
            if (json.BytesPending > FlushAt)
            {
                json.Flush();
            }
        }

        json.WriteEndArray();
    }

    private static void WriteImage(Utf8JsonWriter json, CocoImage image)
    {
        json.WriteNumber("id", image.Id);
        json.WriteString("file_name", image.FileName);
        if (image.Width > 0 && image.Height > 0)
        {
            json.WriteNumber("width", image.Width);
            json.WriteNumber("height", image.Height);
        }
    }

    private static void WriteCategory(Utf8JsonWriter json, CocoCategory category)
    {
        json.WriteNumber("id", category.Id);
        json.WriteString("name", category.Name);
        if (category.Supercategory is not null)
        {
            json.WriteString("supercategory", category.Supercategory);
        }
    }

    private static void WriteAnnotation(Utf8JsonWriter json, CocoAnnotation annotation)
    {
        json.WriteNumber("id", annotation.Id);
        json.WriteNumber("image_id", annotation.ImageId);
        json.WriteNumber("category_id", annotation.CategoryId);
        WriteBox(json, annotation.Box);
        json.WriteNumber("area", annotation.Area);
        json.WriteNumber("iscrowd", annotation.IsCrowd ? 1 : 0);
        WriteSegmentation(json, annotation.Segmentation);
    }

    private static void WriteResult(Utf8JsonWriter json, CocoResult result)
    {
        json.WriteNumber("image_id", result.ImageId);
        json.WriteNumber("category_id", result.CategoryId);
        if (result.Box is { } box)
        {
            WriteBox(json, box);
        }

        json.WriteNumber("score", result.Score);
        WriteSegmentation(json, result.Segmentation);
    }

    private static void WriteBox(Utf8JsonWriter json, CocoBox box)
    {
        json.WriteStartArray("bbox");
        json.WriteNumberValue(box.X);
        json.WriteNumberValue(box.Y);
        json.WriteNumberValue(box.Width);
        json.WriteNumberValue(box.Height);
        json.WriteEndArray();
    }

    private static void WriteSegmentation(Utf8JsonWriter json, CocoSegmentation? segmentation)
    {
        if (segmentation?.Mask is { } mask)
        {
            json.WriteStartObject("segmentation");
            json.WriteStartArray("size");
            json.WriteNumberValue(mask.Height);
            json.WriteNumberValue(mask.Width);
            json.WriteEndArray();
            json.WriteString("counts", mask.ToCompressed());
            json.WriteEndObject();
        }
        else if (segmentation is not null)
        {
            json.WriteStartArray("segmentation");
            foreach (var polygon in segmentation.Polygons!)
            {
                json.WriteStartArray();
                foreach (var coordinate in polygon)
                {
                    json.WriteNumberValue(coordinate);
                }

                json.WriteEndArray();
            }

            json.WriteEndArray();
        }
    }
}
