namespace Sidecar.Configuration;

/// <summary>The component types that the embedded sidecar has, with what their files must hold.</summary>
internal static class ComponentTypes
{
    private static readonly Dictionary<string, ComponentType> All = new()
    {
        ["state.sqlite"] = new(["connectionString"], ["timeout", "busyTimeout", "cleanupInterval"]),
        ["state.in-memory"] = new([], []),
        ["pubsub.in-memory"] = new([], []),
        ["secretstores.local.file"] = new(["secretsFile"], []),
        ["secretstores.local.env"] = new([], []),
    };

    /// <summary>Reports an unknown type or version and missing or bad metadata; true when the component can be made.</summary>
    public static bool Check(Component component, Section source, Findings findings)
    {
        var spec = source.Child("spec")!;
        if (!All.TryGetValue(component.Type, out var type))
        {
            if (component.IgnoreErrors)
            {
                source.Warn("spec", $"the type '{component.Type}' is not supported and left out (ignoreErrors)");
                return false;
            }

            spec.Error(
                "type",
                $"the type '{component.Type}' is not supported by the embedded sidecar",
                $"It has {string.Join(", ", All.Keys)}; give a folder of those with --components DIR, or use Dapr itself: dapr run -f FILE.");
            return false;
        }

        var errors = findings.Errors.Count;
        if (component.Version != "v1")
        {
            spec.Error("version", $"there is no version '{component.Version}' of {component.Type}", "Write 'version: v1'.");
        }

        foreach (var name in type.Required.Where(n => !component.Secrets.ContainsKey(n) && string.IsNullOrWhiteSpace(component.Metadata.GetValueOrDefault(n))))
        {
            spec.Error("metadata", $"the metadata '{name}' of {component.Type} is missing", $"Add '- name: {name}' with its value to spec.metadata.");
        }

        foreach (var name in type.Durations)
        {
            if (component.Metadata.GetValueOrDefault(name) is { } text && Units.Duration(text) is null)
            {
                spec.Error("metadata", $"'{name}' is '{text}', which is no duration", "Write for instance 500ms, 20s or 1h.");
            }
        }

        return findings.Errors.Count == errors;
    }

    private sealed record ComponentType(string[] Required, string[] Durations);
}
