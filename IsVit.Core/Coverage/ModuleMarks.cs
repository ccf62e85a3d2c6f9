using static TorchSharp.torch;

namespace IsVit.Core.Coverage;

/// <summary>Has every module leave a mark among the operators when it begins and when it ends: an empty tensor whose shape says which.</summary>
internal sealed class ModuleMarks : IDisposable
{
    // Chosen so that no model makes one by chance.
    private const long Begins = 48_271_613;
    private const long Ends = 48_271_619;

    private readonly List<Action> _removals = [];
    private int _count;

    /// <summary>Hooks the modules.</summary>
    /// <param name="modules">Their places in this list are what marks tell.</param>
    public ModuleMarks(IReadOnlyList<nn.Module> modules)
    {
        for (var i = 0; i < modules.Count; i++)
        {
            var index = i;
            Hook(modules[i], "register_forward_pre_hook", _ => Leave(Begins, index));
            Hook(modules[i], "register_forward_hook", _ => Leave(Ends, index));
        }
    }

    /// <summary>The marks left so far.</summary>
    public int Count => _count;

    /// <summary>Whether an operator is a mark.</summary>
    public static bool TryRead(OperatorCall call, out int index, out bool begins)
    {
        var isMark = call is { Name: "empty", Output: [0, Begins or Ends, _] };
        index = isMark ? (int)call.Output[2] : 0;
        begins = isMark && call.Output[1] == Begins;
        return isMark;
    }

    public void Dispose()
    {
        _removals.ForEach(static remove => remove());
        _removals.Clear();
    }

    private void Leave(long what, int index)
    {
        Interlocked.Increment(ref _count);
        using var mark = empty(new[] { 0, what, index });
    }

    // Hooks of this kind are there whatever a module takes and gives; which class declares them depends on it.
    private void Hook(nn.Module module, string method, Action<nn.Module> hook)
    {
        if (module.GetType().GetMethod(method, [typeof(Action<nn.Module>)]) is not { } register)
        {
            return;
        }

        var handle = register.Invoke(module, [hook])!;
        var remove = handle.GetType().GetMethod("remove")!;
        _removals.Add(() => remove.Invoke(handle, null));
    }
}
