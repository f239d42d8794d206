namespace Sidecar.Configuration;

/// <summary>Reads a <c>kind: Component</c> document.</summary>
internal static class ComponentDocument
{
    /// <summary>Null when the document lacks its name or type; the errors say so.</summary>
    public static Component? Read(Section document)
    {
        var name = document.Child("metadata")?.Text("name");
        if (string.IsNullOrWhiteSpace(name))
        {
            document.Error("metadata", "a component without a name", "Add 'metadata:' with 'name: …'.");
            return null;
        }

        document.Name = $"component {name}";
        if (document.Child("spec") is not { } spec)
        {
            document.Error("spec", "'spec' is missing", "Add spec.type, spec.version and spec.metadata.");
            return null;
        }

        var type = spec.RequiredText("type", "Name the component's type, for instance state.sqlite.");
        var version = spec.RequiredText("version", "Write 'version: v1'.");
        var (metadata, secrets) = ReadMetadata(document, spec);
        var store = document.Child("auth")?.Text("secretStore");
        if (secrets.Count > 0 && string.IsNullOrEmpty(store))
        {
            document.Error("auth", "secretKeyRef is used, yet no secret store is named", "Add 'auth:' with 'secretStore: NAME', the name of a secret store component.");
        }

        // Read in any case: what nobody reads is called unknown.
        var (scopes, ignoreErrors) = (document.Texts("scopes"), spec.Flag("ignoreErrors") ?? false);
        return type is null || version is null
            ? null
            : new Component
            {
                Name = name,
                Type = type,
                Version = version,
                File = document.File,
                Metadata = metadata,
                Secrets = secrets,
                SecretStore = store,
                Scopes = scopes,
                IgnoreErrors = ignoreErrors,
            };
    }

    private static (Dictionary<string, string> Metadata, Dictionary<string, SecretReference> Secrets) ReadMetadata(Section document, Section spec)
    {
        var metadata = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var secrets = new Dictionary<string, SecretReference>(StringComparer.OrdinalIgnoreCase);
        foreach (var entry in spec.Children("metadata"))
        {
            if (entry.RequiredText("name", "Each entry of spec.metadata needs a name.") is not { } key)
            {
                continue;
            }

            entry.Name = $"{document.Name}, metadata {key}";
            if (entry.Has("value"))
            {
                metadata[key] = entry.Text("value") ?? "";
            }
            else if (entry.Child("secretKeyRef") is { } reference)
            {
                if (reference.RequiredText("name", "Name the secret.") is { } secret)
                {
                    secrets[key] = new SecretReference(secret, reference.Text("key") is { Length: > 0 } field ? field : secret);
                }
            }
            else
            {
                metadata[key] = entry.Text("envRef") is { Length: > 0 } variable ? FromEnvironment(entry, variable) : "";
            }
        }

        return (metadata, secrets);
    }

    /// <summary>Dapr keeps its own variables from components, lest a file reads its tokens.</summary>
    private static string FromEnvironment(Section entry, string variable)
    {
        if (variable == "APP_API_TOKEN" || variable.StartsWith("DAPR_", StringComparison.OrdinalIgnoreCase))
        {
            entry.Error("envRef", $"components may not read the variable '{variable}'", "Use another variable.");
            return "";
        }

        return Environment.GetEnvironmentVariable(variable) ?? "";
    }
}
