namespace IsVit.Model.Imaging;

/// <summary>To what size an image is resized before its centre is cropped.</summary>
public enum ResizeMode
{
    /// <summary>The short side becomes <see cref="ImagePreprocessing.ResizeSize"/>, the long side follows; what the crop leaves out is not seen. timm's <c>crop_mode</c> "center", Hugging Face's <c>shortest_edge</c>.</summary>
    ShortSide,

    /// <summary>Both sides become <see cref="ImagePreprocessing.ResizeSize"/>, so that proportions change; a crop fraction of 1 shows the whole image. timm's <c>crop_mode</c> "squash", Hugging Face's <c>height</c> and <c>width</c>.</summary>
    Squash,
}
