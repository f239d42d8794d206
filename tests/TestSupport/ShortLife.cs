namespace TestSupport;

/// <summary>
/// Services and sidecars that tests start live for seconds, and would spend most of their processor time on compiling once more, and
/// better, what they have used for a while. They go without, and are as fast from the first second as later.
/// </summary>
public static class ShortLife
{
    /// <summary>Sets it in the environment of a process that is to be started; its own processes inherit it.</summary>
    public static void Prepare(IDictionary<string, string?> environment)
    {
        environment["DOTNET_TC_CallCounting"] = "0";
        environment["DOTNET_TieredPGO"] = "0";

        // Memory that is never writable and executable at once protects a service; it makes compiling dearer.
        environment["DOTNET_EnableWriteXorExecute"] = "0";

        // Nobody changes their settings; and where their folder holds a database, whoever watches it is woken by every write.
        environment["DOTNET_hostBuilder__reloadConfigOnChange"] = "false";
    }
}
