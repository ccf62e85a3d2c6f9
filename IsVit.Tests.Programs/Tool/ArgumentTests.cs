namespace IsVit.Tests.Programs.Tool;

/// <summary>What a user gets wrong is one line on standard error and exit code 2.</summary>
public sealed class ArgumentTests
{
    [Theory]
    [InlineData("quantise", "'quantise' is no command, option or value that isvit takes here")]
    [InlineData("demo --iteration 3", "'--iteration' is no command, option or value that isvit demo takes here")]
    [InlineData("quantize", "'--weights' is required")]
    [InlineData("quantize --model", "Required argument missing for option: '--model'")]
    [InlineData("quantize --model m --weights w --calibration c --weight-bits 9", "--weight-bits is '9'; allowed is 2 to 8.")]
    [InlineData("quantize --model m --weights w --calibration c --preset w9a9", "Argument 'w9a9' not recognized")]
    [InlineData("quantize --model m --weights w --calibration c --preset w8a8 --activation-bits 8", "--preset sets what --activation-bits sets: give one of them.")]
    [InlineData("quantize --model m --weights w --calibration c --activation-bits 1", "--activation-bits is '1'; allowed is 2 to 8.")]
    [InlineData("quantize --model m --weights w --calibration c --activation-bits four", "--activation-bits is 'four'; allowed is 2 to 8.")]
    [InlineData("quantize --model m --weights w --calibration c --crop 0", "--crop is '0'; allowed is above 0, at most 1.")]
    [InlineData("quantize --model m --weights w --calibration c --crop NaN", "--crop is 'NaN'; allowed is above 0, at most 1.")]
    [InlineData("quantize --model m --weights w --calibration c --batch 0", "--batch is '0'; allowed is 1 to 65536.")]
    [InlineData("quantize --model m --weights w --calibration c --iterations -1", "--iterations is '-1'; allowed is 0 to 1000000.")]
    [InlineData("quantize --model m --weights w --calibration c --method best", "Argument 'best' not recognized. Must be one of: 'isvit'")]
    [InlineData("quantize --model m --weights w --calibration c --device tpu", "--device is 'tpu'; allowed is cpu, cuda or cuda:N.")]
    [InlineData("quantize --model m --weights w --calibration c --budget 4", "--budget is '4'; allowed is a number and a unit: 4.5bits, 3MB (kB, GB, B), 50%bitops.")]
    [InlineData("quantize --model m --weights w --calibration c --budget 0bits", "--budget is '0bits'; allowed is a number and a unit")]
    [InlineData("quantize --model m --weights w --calibration c --budget 4bits --allowed-bits 4,9", "--allowed-bits is '4,9'; allowed is numbers from 2 to 8, separated by commas, such as 4,8.")]
    [InlineData("quantize --model m --weights w --calibration c --budget 4bits --allowed-bits four", "--allowed-bits is 'four'; allowed is numbers from 2 to 8")]
    [InlineData("quantize --model m --weights w --calibration c --allowed-bits 4,8", "--allowed-bits is for --budget: give both or none.")]
    [InlineData("quantize --model m --weights w --calibration c --sensitivity-count 8", "--sensitivity-count is for --budget: give both or none.")]
    [InlineData("quantize --model m --weights w --calibration c --budget 4bits --sensitivity guessed", "--sensitivity is 'guessed'; allowed is one of measured, estimated.")]
    [InlineData("quantize --weights w --calibration c --report-landscape blocks.0", "--report-landscape is for --report: give both or none.")]
    [InlineData("sensitivity", "'--weights' is required")]
    [InlineData("sensitivity --model m --weights w --calibration c --widths 1", "--widths is '1'; allowed is numbers from 2 to 8, separated by commas, such as 4,8.")]
    [InlineData("sensitivity --model m --weights w --calibration c --sensitivity-count 0", "--sensitivity-count is '0'; allowed is 1 to 1000000.")]
    [InlineData("sensitivity --model m --weights w --calibration c", "there is no model 'm'; 'isvit models' lists all names.")]
    [InlineData("quantize --model deit_tinny_patch16_224 --weights w --calibration c", "there is no model 'deit_tinny_patch16_224'; did you mean deit_tiny_patch16_224 or vit_tiny_patch16_224 or deit_base_patch16_224? 'isvit models' lists all names.")]
    [InlineData("quantize --model swin_micro_mask_rcnn --weights w --calibration c --image-size 384", "--image-size is of classifiers, and the model is a detector: it sees images of any size.")]
    [InlineData("inspect /nowhere", "/nowhere: no such file.")]
    [InlineData("evaluate --quantized q --device cuda:-1", "--device is 'cuda:-1'; allowed is cpu, cuda or cuda:N.")]
    [InlineData("evaluate --quantized q --device cuda:99", "--device is 'cuda:99', but libtorch sees ")]
    [InlineData("quantize --model m --weights w --calibration c --cache floppy", "--cache is 'floppy'; allowed is one of auto, memory, bfloat16, disk.")]
    [InlineData("quantize --model m --weights w --calibration c --precision half", "--precision is 'half'; allowed is one of auto, full, tf32, bfloat16.")]
    [InlineData("quantize --model vit_fashion --weights w --calibration c --cache-folder /nowhere", "'c': no such folder.")]
    [InlineData("quantize --model m --weights w --calibration c", "there is no model 'm'; 'isvit models' lists all names.")]
    [InlineData("quantize --model vit_fashion --weights w --calibration /nowhere", "'/nowhere': no such folder.")]
    [InlineData("quantize --model swin_micro_mask_rcnn --weights w --calibration c --labels l", "--labels is of classifiers, and the model is a detector: it is scored with --coco.")]
    [InlineData("quantize --model swin_micro_mask_rcnn --weights w --calibration c --crop 0.9", "--crop is of classifiers, and the model is a detector: it sees whole images.")]
    [InlineData("quantize --model swin_micro_mask_rcnn --weights w --calibration c --resize squash", "--resize is of classifiers, and the model is a detector: it sees whole images.")]
    [InlineData("quantize --model m --weights w --calibration c --resize stretch", "--resize is 'stretch'; allowed is one of short-side, squash.")]
    [InlineData("quantize --model swin_micro_mask_rcnn --weights w --calibration c --views 2", "--views is of classifiers, and the model is a detector: its regions are those of the calibration images as they are.")]
    [InlineData("quantize --model swin_micro_mask_rcnn --weights w --calibration c --images i", "--images: a detector is scored with the objects in the images; give --coco.")]
    [InlineData("quantize --model swin_micro_mask_rcnn --weights w --calibration c --test-count 2", "--test-count is for --coco: give both or none.")]
    [InlineData("quantize --model swin_micro_mask_rcnn --weights w --calibration c --mask-regions 0", "--mask-regions is '0'; allowed is 1 to 100000.")]
    [InlineData("quantize --model vit_fashion --weights w --calibration c --coco a", "--coco is of detectors, and the model is a classifier, which takes --labels.")]
    [InlineData("quantize --model vit_fashion --weights w --calibration c --box-regions 8", "--box-regions is of detectors, and the model is a classifier.")]
    [InlineData("sensitivity --model swin_micro_mask_rcnn --weights w --calibration c", "--model swin_micro_mask_rcnn is a detector; 'isvit sensitivity' takes classifiers. 'isvit quantize --budget' chooses a detector's bits.")]
    [InlineData("sensitivity --model swin_tinny --weights w --calibration c", "there is no model 'swin_tinny';")]
    [InlineData("evaluate --images i", "there is no model to evaluate; give --quantized, or --model and --weights of a detector.")]
    [InlineData("evaluate --model swin_micro_mask_rcnn --coco a", "there is no detector to evaluate; give --weights, --quantized or both.")]
    [InlineData("evaluate --model vit_fashion --weights w --images i", "'vit_fashion' is a classifier, of which a quantized one is evaluated: give --quantized, the file that 'isvit quantize' saved, beside --weights, and leave out --model.")]
    [InlineData("evaluate --quantized /nowhere/file", "/nowhere/file: no such file.")]
    [InlineData("train-demo --data /nowhere", "/nowhere: no such folder; give --data")]
    [InlineData("train-demo --epochs 0", "--epochs is '0'; allowed is 1 to 1000.")]
    [InlineData("train-demo --steps 5", "--steps is of detectors; vit_fashion takes --epochs.")]
    [InlineData("train-demo --resume file", "--resume is of detectors; vit_fashion is trained in one run.")]
    [InlineData("train-demo --model swin_micro_mask_rcnn --epochs 5", "--epochs is of classifiers; swin_micro_mask_rcnn takes --steps.")]
    [InlineData("train-demo --model swin_micro_mask_rcnn --steps 0", "--steps is '0'; allowed is 1 to 10000000.")]
    [InlineData("train-demo --model swin_micro_mask_rcnn --data /nowhere", "/nowhere: no such folder; give --data")]
    [InlineData("demo --assets /nowhere", "/nowhere: holds none of vit_fashion.safetensors, swin_micro.safetensors")]
    [InlineData("demo --test-count 2001", "--test-count is '2001'; allowed is 1 to 2000.")]
    public async Task Run_WrongArguments_OneLineAndCode2(string arguments, string expected)
    {
        var run = await ToolRun.Of(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        run.AssertRefused(expected);
        Assert.Equal("", run.Output);
    }

    [Fact]
    public async Task Run_EmptyValue_IsRefused()
    {
        var run = await ToolRun.Of("evaluate", "--quantized", "");

        run.AssertRefused("--quantized is empty.");
    }

    [Theory]
    [InlineData("--help", "quantize")]
    [InlineData("quantize --help", "--activation-bits <N>")]
    [InlineData("quantize --help", "(2 to 8) [default: 4]")]
    [InlineData("quantize --help", "--budget <BUDGET>")]
    [InlineData("sensitivity --help", "--widths <N,N>")]
    [InlineData("quantize --help", "of a detector 32 images, steps of 1)")]
    [InlineData("evaluate --help", "--quantized <FILE>")]
    [InlineData("train-demo --help", "[default: /usr/share/datasets/fashion-mnist]")]
    public async Task Help_ListsOptionsWithDefaultsAndRanges(string arguments, string expected)
    {
        var run = await ToolRun.Of(arguments.Split(' '));

        Assert.Equal(0, run.ExitCode);
        Assert.Contains(expected, run.Output, StringComparison.Ordinal);
    }
}
