"""What every study is made of: templates of pipelines that are filled in by configuration."""
