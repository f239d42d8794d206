using Accounts.Query;
using Accounts.Query.Feed;
using Accounts.Query.Lists;
using Accounts.Query.Streams;
using ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults("Accounts: queries", "Answers questions about accounts from the views. Changes nothing, ever.");
builder.AddViews();
builder.AddLists();
builder.AddStreams();

builder.TakeLongTokens();

var app = builder.Build();
app.UseServiceDefaults();
app.RefuseUnsafeMethods();
app.MapAccountQueries();
app.MapAccountLists();
app.MapFeed();
app.MapStreams();
app.Run();
