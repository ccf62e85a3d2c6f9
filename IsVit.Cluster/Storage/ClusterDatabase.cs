using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace IsVit.Cluster.Storage;

/// <summary>The database of a cluster: a SQLite file, or a PostgreSQL database that several machines share.</summary>
public sealed class ClusterDatabase
{
    private const string TablesScript = "Tables.sql";
    private const string QueriesScript = "Queries.sql";

    private readonly DbProviderFactory _factory;
    private readonly string _tables;

    private ClusterDatabase(string connectionString, string invariant, DbProviderFactory factory, string tables) =>
        (ConnectionString, Invariant, _factory, _tables) = (connectionString, invariant, factory, tables);

    /// <summary>How it is connected to.</summary>
    public string ConnectionString { get; }

    /// <summary>Whether several machines may use it at the same time.</summary>
    public bool IsShared => _factory is NpgsqlFactory;

    /// <summary>The name by which Orleans knows the kind of database.</summary>
    internal string Invariant { get; }

    /// <summary>A file on this machine, for one process at a time.</summary>
    /// <param name="path">The file; made if there is none.</param>
    public static ClusterDatabase Sqlite(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new(new SqliteConnectionStringBuilder { DataSource = Path.GetFullPath(path) }.ConnectionString, "System.Data.SQLite", SqliteFactory.Instance, "Sqlite");
    }

    /// <summary>A PostgreSQL database, version 12 or later, that several machines share.</summary>
    /// <param name="connectionString">As Npgsql has it: <c>Host=db;Database=isvit;Username=isvit;Password=...</c>.</param>
    /// <exception cref="ClusterException">The text is no connection string.</exception>
    public static ClusterDatabase PostgreSql(string connectionString)
    {
        ArgumentException.ThrowIfNullOrEmpty(connectionString);
        try
        {
            return new(new NpgsqlConnectionStringBuilder(connectionString).ConnectionString, "Npgsql", NpgsqlFactory.Instance, "PostgreSql");
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            // The text may hold a password, and is not repeated.
            throw new ClusterException($"The connection string of the cluster's database cannot be read: {error.Message} Expected is one such as Host=db;Database=isvit;Username=isvit;Password=...", error);
        }
    }

    /// <summary>Makes the tables that are not there yet, whoever else does so at the same time.</summary>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ClusterException">The database cannot be reached, or refuses.</exception>
    public async Task PrepareAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            using var connection = _factory.CreateConnection()!;
            connection.ConnectionString = ConnectionString;
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
            if (!IsShared)
            {
                // Kept in the file. Without it a commit waits until nobody reads, which with many writes at once fails as "database is locked".
                using var log = connection.CreateCommand();
                log.CommandText = "PRAGMA journal_mode = WAL";
                await log.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }

            using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            using var command = connection.CreateCommand();
            command.Transaction = transaction;
            command.CommandText = Script($"{_tables}{TablesScript}");
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            foreach (var (key, text) in Queries())
            {
                command.CommandText = "INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES (@key, @text) ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText";
                command.Parameters.Clear();
                Add(command, "key", key);
                Add(command, "text", text);
                await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }

            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is DbException or System.Net.Sockets.SocketException or TimeoutException)
        {
            throw new ClusterException($"The cluster's database cannot be used: {error.Message}", error);
        }
    }

    private static void Add(DbCommand command, string name, string value)
    {
        var parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.Value) = (name, value);
        command.Parameters.Add(parameter);
    }

    // A line "-- Key" begins each query.
    private IEnumerable<(string Key, string Text)> Queries() =>
        from part in ((string[])[QueriesScript, .. IsShared ? ["PostgreSqlMembership.sql"] : Array.Empty<string>()]).SelectMany(static script => Script(script).Split("-- ", StringSplitOptions.RemoveEmptyEntries))
        let end = part.IndexOf('\n', StringComparison.Ordinal)
        select (part[..end].Trim(), part[end..].Trim());

    private static string Script(string name)
    {
        using var reader = new StreamReader(typeof(ClusterDatabase).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
