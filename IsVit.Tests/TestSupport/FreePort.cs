using System.Net;
using System.Net.Sockets;

namespace IsVit.Tests.TestSupport;

/// <summary>Ports of this machine that nothing listens on.</summary>
internal static class FreePort
{
    /// <summary>Finds one; another process may be quicker to take it.</summary>
    public static int Find()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
