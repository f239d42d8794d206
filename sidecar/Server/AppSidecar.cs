using Sidecar.Configuration;

namespace Sidecar.Server;

/// <summary>One app's sidecar: what a <c>daprd</c> process is to one replica of an app.</summary>
internal sealed class AppSidecar(AppSpec app, Resources resources, Neighbourhood neighbourhood)
{
    /// <summary>The app; ports that were 0 in the file are filled in.</summary>
    public AppSpec App { get; } = app;

    public Resources Resources { get; } = resources;

    public Neighbourhood Neighbourhood { get; } = neighbourhood;

    /// <summary>Null for an app without a port.</summary>
    public AppChannel? Channel { get; } = app.AppPort is { } port
        ? new AppChannel(app, port, Environment.GetEnvironmentVariable("APP_API_TOKEN"))
        : null;
}
