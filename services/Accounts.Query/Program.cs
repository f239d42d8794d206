using Accounts.Query;
using ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("Accounts: queries", "Answers questions about accounts from the views. Changes nothing, ever.");
builder.AddViews();

var app = builder.Build();
app.UseServiceDefaults();
app.RefuseUnsafeMethods();
app.MapAccountQueries();
app.Run();
