using IsVit.Benchmarks.Reliability.Long;
using IsVit.Benchmarks.Reliability.Mutations;
using IsVit.Benchmarks.Reliability.Results;
using IsVit.Benchmarks.Reliability.Runs;

namespace IsVit.Benchmarks.Reliability;

/// <summary><c>reliability</c>: what runs, files and memory do when something goes wrong, and when nothing does for long.</summary>
internal static class ReliabilityCommand
{
    /// <summary>Runs one of its parts.</summary>
    /// <param name="args">The part's name and its arguments.</param>
    /// <returns>0 if everything held, 1 if not, 2 for arguments that are none.</returns>
    public static int Run(string[] args)
    {
        switch (args)
        {
            case ["kill", .. var rest]:
                return KillCampaign.Run(rest);
            case ["stop", .. var rest]:
                return StopCampaign.Run(rest);
            case ["flat", .. var rest]:
                return FlatCampaign.Run(rest);
            case [FlatCampaign.PathName, .. var rest]:
                return FlatCampaign.RunPath(rest);
            case ["together", .. var rest]:
                return TogetherCampaign.Run(rest);
            case ["threads"]:
                return ThreadCampaign.Run();
            case [ThreadCampaign.CountName, .. var rest]:
                return ThreadCampaign.RunCount(rest);
            case ["mutations", .. var rest]:
                return MutationCampaign.Run(rest);
            case [MutationWorker.Name, .. var rest]:
                return MutationWorker.Run(rest);
            default:
                Console.Error.WriteLine("""
                    reliability kill [count] [seed]         runs of the tool killed at random instants, and resumed
                    reliability stop [count] [seed]         signals, full and vanished disks, lost permissions at random instants
                    reliability mutations [share] [kind]... damaged files of every kind; the share of the full count, 1 if not given
                    reliability flat [iterations]           tensors and memory of long runs
                    reliability together [rounds]           several quantizations at once, cancelled at random
                    reliability threads                     results on 1, 2 and 4 threads
                    """);
                return 2;
        }
    }
}
