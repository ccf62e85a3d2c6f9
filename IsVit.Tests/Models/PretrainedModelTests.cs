using IsVit.Core.Models;
using IsVit.Core.Models.Pretrained;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Architectures;
using IsVit.Model.Files;
using IsVit.Model.Imaging;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Models;

public sealed class PretrainedModelTests
{
    [Theory]
    [InlineData("hf_vit", "vision transformer, Hugging Face's names")]
    [InlineData("hf_vit_sharded", "vision transformer, Hugging Face's names")]
    [InlineData("hf_deit", "distilled DeiT, Hugging Face's names")]
    [InlineData("hf_swin", "Swin, Hugging Face's names")]
    [InlineData("hf_dinov2", "vision transformer with layer scale, Hugging Face's names")]
    [InlineData("hf_dinov2_registers", "vision transformer with layer scale, Hugging Face's names")]
    public void Load_HuggingFaceSnapshot_GivesTheOraclesLogits(string folder, string names)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = SafetensorsFile.Open(SharedData.Formats(folder, "expected.safetensors"));
        using var source = PretrainedModel.Open(SharedData.Formats(folder));
        using var model = source.Load();

        Assert.Equal(names, source.Names);
        Assert.Equal(folder, source.Description.Name);
        Assert.Null(source.Description.Classes);
        Assert.Equal(7, model.ClassCount);
        Assert.Null(source.Check());
        Assert.InRange(ModelFiles.MaxDifference(oracle.Read("logits"), model.call(oracle.Read("input"))), 0, 2e-5);
    }

    [Fact]
    public void Load_OneOfSeveralFiles_ReadsAllOfThem()
    {
        using var source = PretrainedModel.Open(SharedData.Formats("hf_vit_sharded", "model-00002-of-00002.safetensors"));
        using var model = source.Load();

        Assert.Contains("one of 2 files of one model: all are read, by model.safetensors.index.json", source.Notes[0], StringComparison.Ordinal);
        Assert.Equal("2 files, each safetensors", source.Weights.Format);
        Assert.Equal(7, model.ClassCount);
    }

    [Fact]
    public void Open_OneOfSeveralFilesWithoutIndex_SaysWhatIsMissing()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("model-00001-of-00002.safetensors", File.ReadAllBytes(SharedData.Formats("hf_vit_sharded", "model-00001-of-00002.safetensors")));

        Assert.Contains("expected their index beside it, 'model.safetensors.index.json'", Assert.Throws<PretrainedModelException>(() => PretrainedModel.Open(path)).Message, StringComparison.Ordinal);
    }

    /// <summary>DINOv2 is the same network with and without a head: what the oracle calls <c>cls</c>.</summary>
    [Theory]
    [InlineData("hf_dinov2")]
    [InlineData("hf_dinov2_registers")]
    public void Load_WithoutHead_GivesTheOraclesClassToken(string name)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var folder = new TemporaryFolder();
        using var oracle = SafetensorsFile.Open(SharedData.Formats(name, "expected.safetensors"));
        Rewrite(name, folder, static (tensor, value) => tensor.StartsWith("classifier", StringComparison.Ordinal) ? null : tensor[(tensor.IndexOf('.', StringComparison.Ordinal) + 1)..]);
        using var source = PretrainedModel.Open(folder.Path);
        using var model = source.Load();

        Assert.False(model.HasHead);
        Assert.Equal((0, 48), (model.ClassCount, model.OutputWidth));
        Assert.Throws<InvalidOperationException>(() => model.Head);
        Assert.Contains("there is no head among the weights: the model outputs features", source.Notes);
        Assert.InRange(ModelFiles.MaxDifference(oracle.Read("cls"), model.call(oracle.Read("input"))), 0, 2e-5);
    }

    /// <summary>DINOv2's largest models have SwiGLU, whose layers have names of their own with its authors and with Hugging Face.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Load_DinoV2WithSwiGlu_GivesTheSameModelFromEitherNames(bool huggingFace)
    {
        using var scope = torch.NewDisposeScope();
        var options = new VisionTransformerOptions
        {
            ImageSize = 16, PatchSize = 8, EmbedDim = 8, Depth = 1, HeadCount = 2, Mlp = MlpKind.SwiGlu, LayerScale = 0.5, RegisterTokenCount = 2, RegisterPositions = false, ClassCount = 0,
        };
        using var model = options.Create();
        using var loaded = options.Create();
        var renamed = new Dictionary<string, torch.Tensor>(StringComparer.Ordinal) { [huggingFace ? "embeddings.mask_token" : "mask_token"] = torch.zeros(1, 8) };
        foreach (var (name, tensor) in model.state_dict())
        {
            if (!huggingFace)
            {
                renamed.Add(name.Replace("reg_token", "register_tokens", StringComparison.Ordinal).Replace("mlp.fc1", "mlp.w12", StringComparison.Ordinal).Replace("mlp.fc2", "mlp.w3", StringComparison.Ordinal), tensor);
            }
            else if (name.Contains("qkv", StringComparison.Ordinal))
            {
                foreach (var (part, kind) in new[] { (0, "query"), (1, "key"), (2, "value") })
                {
                    renamed.Add(name.Replace("blocks.0.attn.qkv", $"encoder.layer.0.attention.attention.{kind}", StringComparison.Ordinal), tensor.narrow(0, part * 8, 8));
                }
            }
            else
            {
                (string Own, string Other)[] pairs =
                [
                    ("blocks.0.attn.proj", "encoder.layer.0.attention.output.dense"), ("mlp.fc1", "mlp.weights_in"), ("mlp.fc2", "mlp.weights_out"), ("ls1.gamma", "layer_scale1.lambda1"), ("ls2.gamma", "layer_scale2.lambda1"),
                    ("blocks.0.", "encoder.layer.0."), ("patch_embed.proj", "embeddings.patch_embeddings.projection"), ("pos_embed", "embeddings.position_embeddings"), ("cls_token", "embeddings.cls_token"), ("reg_token", "embeddings.register_tokens"),
                ];
                var other = name.StartsWith("norm.", StringComparison.Ordinal) ? $"layer{name}" : pairs.Aggregate(name, static (text, pair) => text.Replace(pair.Own, pair.Other, StringComparison.Ordinal));
                renamed.Add(other, tensor);
            }
        }

        StateDict.Load(loaded, renamed);

        Assert.All(model.state_dict(), entry => Assert.True(entry.Value.Equals(loaded.state_dict()[entry.Key]), entry.Key));
    }

    /// <summary>The positions that Hugging Face resizes for registers are antialiased, as timm's.</summary>
    [Fact]
    public void Load_RegistersAtAnotherSize_GivesTheOraclesLogits()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = SafetensorsFile.Open(SharedData.Formats("hf_dinov2_registers", "expected.safetensors"));
        using var source = PretrainedModel.Open(SharedData.Formats("hf_dinov2_registers"));
        using var model = (Assert.IsType<VisionTransformerOptions>(source.Description.Architecture) with { ImageSize = 48, ImageWidth = 40 }).Create();

        StateDict.Load(model, source.Weights, new StateDictLoadOptions { Resize = true });
        model.eval();

        Assert.InRange(ModelFiles.MaxDifference(oracle.Read("logits_other_size"), model.call(oracle.Read("input_other_size"))), 0, 2e-5);
    }

    [Fact]
    public void Open_ImageSize_ResizesPositionsAndPreprocessing()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = SafetensorsFile.Open(SharedData.Formats("pos_embed.safetensors"));
        using var source = PretrainedModel.Open(SharedData.Formats("hf_vit"), new PretrainedModelOptions { ImageSize = 48 });
        using var model = source.Load();

        Assert.Equal(48, source.Description.Preprocessing!.ImageSize);
        Assert.Contains("the position embedding of 4 x 4 patches is resized to 6 x 6, for images of 48 pixels", source.Notes);
        Assert.InRange(ModelFiles.MaxDifference(oracle.Read("vit.logits_other"), model.call(oracle.Read("vit.input_other"))), 0, 2e-5);
    }

    /// <summary>Without the teacher's head the distillation token only takes part: the logits are those of the class token alone.</summary>
    [Fact]
    public void Load_DeiTWithoutTeacher_GivesTheLogitsOfTheClassToken()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var folder = new TemporaryFolder();
        Rewrite("hf_deit", folder, static (tensor, value) => tensor.StartsWith("distillation_classifier", StringComparison.Ordinal) ? null : tensor.Replace("cls_classifier", "classifier", StringComparison.Ordinal));
        using var source = PretrainedModel.Open(folder.Path);
        using var model = source.Load();
        using var whole = PretrainedModel.Open(SharedData.Formats("hf_deit"));
        using var teacher = (VisionTransformer)whole.Load();
        using var oracle = SafetensorsFile.Open(SharedData.Formats("hf_deit", "expected.safetensors"));
        var input = oracle.Read("input");
        teacher.HeadDist!.weight.copy_(torch.zeros_like(teacher.HeadDist.weight));
        teacher.HeadDist.bias!.copy_(torch.zeros_like(teacher.HeadDist.bias));

        Assert.InRange(ModelFiles.MaxDifference(teacher.call(input) * 2, model.call(input)), 0, 2e-5);
    }

    [Fact]
    public void Open_ConfigurationOfTimm_SaysModelSizesLabelsAndPreprocessing()
    {
        using var folder = new TemporaryFolder();
        using var model = (ModelCatalog.Find("deit_tiny_patch16_224").Options with { ClassCount = 2 }).Create();
        StateDict.Save(model, folder["model.safetensors"]);
        folder.File("config.json", """
            {"architecture": "deit_tiny_patch16_224", "num_classes": 2, "num_features": 192, "label_names": ["n1", "n2"], "label_descriptions": {"n1": "cat"},
             "pretrained_cfg": {"tag": "fb_in1k", "input_size": [3, 224, 224], "mean": [0.5, 0.4, 0.3], "std": [0.1, 0.2, 0.3], "crop_pct": 0.8, "crop_mode": "squash", "interpolation": "bilinear"}}
            """u8);

        using var source = PretrainedModel.Open(folder.Path);

        Assert.Equal("deit_tiny_patch16_224", source.Description.Name);
        Assert.Equal(["cat", "n2"], source.Description.Classes!);
        Assert.Equal(new ImagePreprocessing { ImageSize = 224, CropFraction = 0.8, ResizeMode = ResizeMode.Squash, Mean = [0.5f, 0.4f, 0.3f], Std = [0.1f, 0.2f, 0.3f], Filter = ResampleFilter.Bilinear }, source.Description.Preprocessing);
        Assert.Equal(((VisionTransformer)model).Options, source.Description.Architecture);
        Assert.Null(source.Check());
    }

    [Fact]
    public void Open_PreprocessorConfiguration_SaysCropMeanAndFilter()
    {
        using var folder = new TemporaryFolder();
        Rewrite("hf_vit", folder, static (tensor, value) => tensor);
        File.WriteAllText(folder["config.json"], File.ReadAllText(folder["config.json"]).Replace("LABEL_", "kind ", StringComparison.Ordinal));
        folder.File("preprocessor_config.json", """{"do_center_crop": true, "size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}, "resample": 3, "image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 3]}"""u8);

        using var source = PretrainedModel.Open(folder.Path);

        Assert.Equal(new ImagePreprocessing { ImageSize = 32, CropFraction = 0.8, Mean = [0.1f, 0.2f, 0.3f], Std = [1, 2, 3] }, source.Description.Preprocessing);
        Assert.Equal("kind 3", source.Description.Classes![3]);
    }

    /// <summary>What transformers' ViTImageProcessor, DeiTImageProcessor and BitImageProcessor do.</summary>
    [Theory]
    [InlineData("hf_vit", """{"do_resize": true, "size": {"height": 32, "width": 32}, "resample": 2}""", 1, ResizeMode.Squash, ResampleFilter.Bilinear, null)]
    [InlineData("hf_vit", """{"image_processor_type": "ViTImageProcessorFast", "size": 40}""", 1, ResizeMode.Squash, ResampleFilter.Bilinear, "preprocessor_config.json resizes images to 40 pixels; here it is to the model's 32")]
    [InlineData("hf_swin", """{"feature_extractor_type": "ViTFeatureExtractor", "size": 64, "resample": 3}""", 1, ResizeMode.Squash, ResampleFilter.Bicubic, null)]
    [InlineData("hf_deit", """{"size": 40, "crop_size": 32, "do_center_crop": true}""", 0.8, ResizeMode.Squash, ResampleFilter.Bicubic, null)]
    [InlineData("hf_deit", """{"image_processor_type": "BitImageProcessor", "size": 40, "crop_size": 32}""", 0.8, ResizeMode.ShortSide, ResampleFilter.Bicubic, null)]
    [InlineData("hf_vit", """{"size": {"height": 32, "width": 32}, "crop_size": 24, "do_center_crop": false}""", 1, ResizeMode.Squash, ResampleFilter.Bilinear, null)]
    [InlineData("hf_vit", """{"size": {"shortest_edge": 32}, "do_center_crop": false}""", 1, ResizeMode.ShortSide, ResampleFilter.Bilinear, "preprocessor_config.json leaves images as long as they are; here their middle square is taken")]
    [InlineData("hf_vit", """{"size": 24, "crop_size": 32, "do_center_crop": true}""", 1, ResizeMode.Squash, ResampleFilter.Bilinear, "preprocessor_config.json puts images of 24 pixels into a black frame of 32; here they fill it")]
    [InlineData("hf_vit", """{"do_resize": false}""", 1, ResizeMode.ShortSide, ResampleFilter.Bilinear, "preprocessor_config.json resizes no images; here the short side of those that are not of 32 x 32 pixels is resized, and the middle square taken")]
    public void Open_ImageProcessor_SaysHowImagesAreResized(string snapshot, string processor, double crop, ResizeMode mode, ResampleFilter filter, string? note)
    {
        using var folder = new TemporaryFolder();
        Rewrite(snapshot, folder, static (tensor, value) => tensor);
        File.WriteAllText(folder["preprocessor_config.json"], processor);

        using var source = PretrainedModel.Open(folder.Path);

        var size = source.Description.Architecture.ImageSize;
        Assert.Equal(ImagePreprocessing.ImageNet with { ImageSize = size, CropFraction = crop, ResizeMode = mode, Filter = filter }, source.Description.Preprocessing);
        Assert.Equal(note is null ? [] : [note.Replace("32 x 32", $"{size} x {size}", StringComparison.Ordinal)], source.Notes.Where(static text => text.StartsWith("preprocessor", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("""{"do_rescale": false, "image_mean": [127.5, 51, 0], "image_std": [255, 51, 510]}""", new[] { 0.5f, 0.2f, 0 }, new[] { 1, 0.2f, 2 })]
    [InlineData("""{"rescale_factor": 0.00784313725490196, "image_mean": [1, 1, 1], "image_std": [2, 2, 1]}""", new[] { 0.5f, 0.5f, 0.5f }, new[] { 1, 1, 0.5f })]
    [InlineData("""{"rescale_factor": 0.00392156862745098, "do_normalize": false}""", new[] { 0f, 0, 0 }, new[] { 1f, 1, 1 })]
    public void Open_ImageProcessorOfAnotherRange_BringsMeanAndDeviationTo0To1(string processor, float[] mean, float[] std)
    {
        using var folder = new TemporaryFolder();
        Rewrite("hf_vit", folder, static (tensor, value) => tensor);
        File.WriteAllText(folder["preprocessor_config.json"], processor);

        using var source = PretrainedModel.Open(folder.Path);

        Assert.Equal(mean, source.Description.Preprocessing!.Mean);
        Assert.Equal(std, source.Description.Preprocessing.Std);
    }

    [Theory]
    [InlineData("""{"resample": 1}""", "resample is 1; expected 2 (bilinear) or 3 (bicubic).")]
    [InlineData("""{"rescale_factor": 0}""", "rescale_factor is 0; expected a number above 0, such as 1/255.")]
    [InlineData("""{"size": {"height": 32, "width": 24}}""", "expected a number of pixels, or two equal ones as 'size', found {\"height\": 32, \"width\": 24}.")]
    public void Open_ImageProcessorThatCannotBe_NamesFileAndValue(string processor, string says)
    {
        using var folder = new TemporaryFolder();
        Rewrite("hf_vit", folder, static (tensor, value) => tensor);
        File.WriteAllText(folder["preprocessor_config.json"], processor);

        Assert.Equal($"{folder["preprocessor_config.json"]}: {says}", Assert.Throws<PretrainedModelException>(() => PretrainedModel.Open(folder.Path)).Message);
    }

    /// <summary>As a quotient of double, 14 / 25 would give 24 again.</summary>
    [Fact]
    public void Open_ImageProcessorOfAnyCrop_GivesItsSizesBack()
    {
        using var folder = new TemporaryFolder();
        Rewrite("hf_dinov2", folder, static (tensor, value) => tensor);
        foreach (var (side, crop) in ((int, int)[])[(25, 14), (28, 9), (592, 518), (256, 224)])
        {
            File.WriteAllText(folder["preprocessor_config.json"], $$$"""{"size": {"shortest_edge": {{{side}}}}, "crop_size": {{{crop}}}, "do_center_crop": true}""");
            using var source = PretrainedModel.Open(folder.Path);
            Assert.Equal(side, (source.Description.Preprocessing! with { ImageSize = crop }).ResizeSize);
        }
    }

    /// <summary>16 and 8 tokens a side at 64 pixels, 8 and 4 at 32.</summary>
    [Theory]
    [InlineData(null, 8, new[] { 225L, 225 }, "the relative position biases of windows of 4 are resized to windows of 8, in layers.0, layers.1")]
    [InlineData(24, null, new[] { 49L, 25 }, "the relative position biases of windows of 4 are resized to windows of 3, in layers.1")]
    [InlineData(128, null, new[] { 49L, 49 }, null)]
    public void Open_SwinAtOtherSizes_ResizesTablesAndSaysSo(int? imageSize, int? windowSize, long[] positions, string? note)
    {
        using var scope = torch.NewDisposeScope();
        using var source = PretrainedModel.Open(SharedData.Formats("hf_swin"), new PretrainedModelOptions { ImageSize = imageSize, WindowSize = windowSize });
        using var model = (SwinTransformer)source.Load();

        Assert.Equal(note is null ? [] : [note], source.Notes.Where(static text => text.Contains("biases", StringComparison.Ordinal)));
        Assert.Null(source.Check());
        Assert.Equal(positions, model.Layers.Select(static layer => layer.Blocks[0].Attn.RelativePositionBiasTable.shape[0]));
        var size = imageSize ?? 64;
        Assert.Equal([1, 7], model.call(torch.zeros(1, 3, size, size)).shape);
        Assert.Equal(windowSize ?? 4, ((SwinTransformerOptions)source.Description.Architecture).WindowSize);
    }

    [Fact]
    public void Open_WindowsOfAVisionTransformer_SaysThatItHasNone() => Assert.Contains(
        "WindowSize (--window-size of the tool) is of Swin transformers; the weights are of: vision transformer, Hugging Face's names.",
        Assert.Throws<PretrainedModelException>(() => PretrainedModel.Open(SharedData.Formats("hf_vit"), new PretrainedModelOptions { WindowSize = 8 })).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Open_Dinov2ThatIsSquashed_TakesTheSizeOfItsProcessor()
    {
        using var folder = new TemporaryFolder();
        Rewrite("hf_dinov2", folder, static (tensor, value) => tensor);
        File.WriteAllText(folder["preprocessor_config.json"], """{"size": {"height": 56, "width": 56}, "do_center_crop": false}""");

        using var source = PretrainedModel.Open(folder.Path);

        Assert.Equal(56, source.Description.Architecture.ImageSize);
        Assert.Equal((56, 56), (source.Description.Preprocessing!.ImageSize, source.Description.Preprocessing.ResizeSize));
    }

    [Theory]
    [InlineData("{\"model_type\": \"beit\"}", "model_type is 'beit'; expected vit, deit, dinov2, dinov2_with_registers, swin")]
    [InlineData("{\"model_type\": \"vit\"}", "expected a whole number 'hidden_size', found none")]
    [InlineData("{\"model_type\": \"vit\", \"hidden_size\": \"48\"}", "expected a whole number as 'hidden_size', found \"48\"")]
    [InlineData("{\"model_type\": \"vit\", \"hidden_act\": \"relu\"}", "hidden_act is 'relu'; expected 'gelu'")]
    [InlineData("{\"architecture\": \"vit_tinny_patch16_224\"}", "There is no model 'vit_tinny_patch16_224'. Closest first, there are: vit_tiny_patch16_224")]
    [InlineData("{\"architecture\": \"vit_tiny_patch16_224\", \"model_args\": {\"swish\": true}}", "model_args changes 'swish'")]
    [InlineData("{\"model_type\": \"vit\", \"half\": \"\\ud800\"}", "expected JSON")]
    [InlineData("{\"architecture\": \"vit_tiny_patch16_224\", \"\\ud800\": 1}", "expected JSON")]
    [InlineData("{\"architecture\": \"vit_tiny_patch16_224\", \"pretrained_cfg\": {\"crop_mode\": \"border\"}}", "crop_mode is 'border'; expected 'center' or 'squash'")]
    [InlineData("[]", "expected a JSON object")]
    [InlineData("{", "expected JSON")]
    public void Open_ConfigurationThatCannotBe_NamesFileAndValue(string config, string says)
    {
        using var folder = new TemporaryFolder();
        Rewrite("hf_vit", folder, static (tensor, value) => tensor);
        File.WriteAllText(folder["config.json"], config);

        var error = Assert.Throws<PretrainedModelException>(() => PretrainedModel.Open(folder.Path));

        Assert.StartsWith(folder["config.json"], error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"num_attention_heads\": 4", "\"num_attention_heads\": 5", "describes no model: EmbedDim is 48; allowed is: a multiple of HeadCount (5).")]
    [InlineData("\"image_size\": 32", "\"image_size\": -1", "describes no model: ")]
    [InlineData("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2147483647", "describes a model that ")]
    [InlineData("\"intermediate_size\": 192", "\"intermediate_size\": 2000000000", "describes a model that ")]
    public void Open_ConfigurationOfAModelThatCannotBe_SaysSoBeforeItIsMade(string there, string instead, string says)
    {
        using var folder = new TemporaryFolder();
        Rewrite("hf_vit", folder, static (tensor, value) => tensor);
        var config = File.ReadAllText(SharedData.Formats("hf_vit", "config.json"));
        Assert.Contains(there, config, StringComparison.Ordinal);
        File.WriteAllText(folder["config.json"], config.Replace(there, instead, StringComparison.Ordinal));

        var error = Assert.Throws<PretrainedModelException>(() => PretrainedModel.Open(folder.Path));

        Assert.StartsWith($"{folder["config.json"]}: {says}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_FileWithoutConfiguration_NamesTheModelsThatItMayBeOf()
    {
        using var folder = new TemporaryFolder();
        using var model = ModelCatalog.Create("deit_tiny_patch16_224", 3);
        StateDict.Save(model, folder["x.safetensors"]);

        var error = Assert.Throws<PretrainedModelException>(() => PretrainedModel.Open(folder["x.safetensors"]));
        using var named = PretrainedModel.Open(folder["x.safetensors"], new PretrainedModelOptions { Model = "deit_tiny_patch16_224.fb_in1k" });

        Assert.Contains("It may be vit_tiny_patch16_224 or deit_tiny_patch16_224", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, named.Description.Architecture.ClassCount);
        Assert.Null(named.Check());
    }

    [Fact]
    public void Open_FileOfOneModelOfTheCatalogue_NeedsNoName()
    {
        using var folder = new TemporaryFolder();
        using var model = ModelCatalog.Create(ModelCatalog.DemoSwin);
        StateDict.Save(model, folder["x.safetensors"]);

        using var source = PretrainedModel.Open(folder.Path);

        Assert.Equal(ModelCatalog.DemoSwin, source.Description.Name);
        Assert.Null(source.Check());
    }

    [Fact]
    public void Open_CheckpointWithPrefix_SaysSoInALineEach()
    {
        using var source = PretrainedModel.Open(SharedData.Formats("pth", "checkpoint_state_dict_module.pth"), new PretrainedModelOptions { Model = "deit_tiny_distilled_patch16_224" });

        Assert.Equal(["all names begin with 'module.', which is left out", "the weights are those under 'state_dict' of the checkpoint"], source.Notes.Take(2));
        Assert.InRange(source.Check()!.Message.Length, 100, 2000);
    }

    [Fact]
    public void Open_FolderWithoutOrWithSeveralWeights_SaysWhatItFound()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("found none", Assert.Throws<PretrainedModelException>(() => PretrainedModel.Open(folder.Path)).Message, StringComparison.Ordinal);
        folder.File("a.pth", "x"u8);
        folder.File("b.pth", "x"u8);
        Assert.Contains("found a.pth, b.pth; give the file", Assert.Throws<PretrainedModelException>(() => PretrainedModel.Open(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("no such file or folder", Assert.Throws<PretrainedModelException>(() => PretrainedModel.Open(folder["absent"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("deit3_small_patch16_224", "blocks.11.ls2.gamma", 196)]
    [InlineData("vit_small_patch14_dinov2", "blocks.0.ls1.gamma", 1370)]
    [InlineData("vit_small_patch14_reg4_dinov2", "reg_token", 1369)]
    public void Create_NewPresets_HaveTimmsTensors(string name, string tensor, int positions)
    {
        using var model = ModelCatalog.Create(name);

        Assert.Contains(tensor, model.state_dict().Keys);
        Assert.Equal([1, positions, 384], model.state_dict()["pos_embed"].shape);
    }

    // The weights of a snapshot under other names, with its configuration; null leaves a tensor out.
    private static void Rewrite(string snapshot, TemporaryFolder folder, Func<string, torch.Tensor, string?> rename)
    {
        using var scope = torch.NewDisposeScope();
        using var file = SafetensorsFile.Open(SharedData.Formats(snapshot, "model.safetensors"));
        var tensors = file.Tensors.Keys.ToDictionary(static name => name, file.Read);
        SafetensorsFile.Write(folder["model.safetensors"], tensors.Where(entry => rename(entry.Key, entry.Value) is not null).Select(entry => KeyValuePair.Create(rename(entry.Key, entry.Value)!, entry.Value)));
        File.Copy(SharedData.Formats(snapshot, "config.json"), folder["config.json"], overwrite: true);
    }
}
